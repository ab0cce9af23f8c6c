import { Body, Controller, Get, HttpCode, Param, Post, Req, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Authorize, type Caller, CurrentCaller, Public } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { LimitedAs } from '../platform/rate-limit/index.js';
import { IdParam } from '../platform/validation/index.js';
import { ApiPublicIdParam, ApiTokenHeaders, bundleResponse, GZIP, presentedBy, send } from './download.js';
import { CreateDownloadTokenDto, DownloadTokenDto, toDownloadTokenDto } from './dto/download-token.dto.js';
import { EdgeSiteBundlesService } from './edge-site-bundles.service.js';

@ApiTags('Bundles')
@Controller()
export class EdgeSiteBundlesController {
  constructor(private readonly bundles: EdgeSiteBundlesService) {}

  @Get('admin/edge-sites/:id/bundle')
  @Authorize('download', 'Bundle')
  @ApiOperation({ operationId: 'downloadEdgeSiteBundle', summary: 'Download the bundle of an edge site' })
  @ApiProduces(GZIP)
  @bundleResponse(200)
  @ApiProblems(400, 401, 403, 404, 409)
  async download(
    @CurrentCaller() caller: Caller,
    @IdParam() id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile | Buffer> {
    return send(await this.bundles.download(caller, id), reply);
  }

  @Post('admin/edge-sites/:id/download-tokens')
  @Authorize('create', 'DownloadToken')
  @Idempotent('download_token.create')
  @ApiOperation({
    operationId: 'createEdgeSiteDownloadToken',
    summary: 'Make a one-time token for the bundle, with the curl line that uses it',
  })
  @ApiProblems(400, 401, 403, 404, 422)
  async createToken(
    @CurrentCaller() caller: Caller,
    @IdParam() id: string,
    @Body() body: CreateDownloadTokenDto,
  ): Promise<DownloadTokenDto> {
    return toDownloadTokenDto(await this.bundles.issueToken(caller, id, body.expires_in));
  }

  @Post('edge-sites/:id/bundle')
  @HttpCode(200)
  @Public()
  @LimitedAs('download')
  @ApiOperation({
    operationId: 'downloadEdgeSiteBundleByToken',
    summary: 'Download the bundle of an edge site with a one-time token',
  })
  @ApiPublicIdParam()
  @ApiTokenHeaders('q0Xw1bZ1y8hYkq2u3v4w5x6y7z8A9B0CdEfGhIjKlMn')
  @ApiProduces(GZIP)
  @bundleResponse(200)
  @ApiProblems(400, 404, 409)
  async downloadByToken(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile | Buffer> {
    return send(await this.bundles.downloadByToken(id, presentedBy(request)), reply);
  }
}
