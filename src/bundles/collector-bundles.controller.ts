import { Body, Controller, HttpCode, Param, Post, Req, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Authorize, type Caller, CurrentCaller, Public } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { LimitedAs } from '../platform/rate-limit/index.js';
import { IdParam } from '../platform/validation/index.js';
import { CollectorBundlesService } from './collector-bundles.service.js';
import { ApiPublicIdParam, ApiTokenHeaders, bundleResponse, GZIP, presentedBy, send } from './download.js';
import { CreateDownloadTokenDto, DownloadTokenDto, toDownloadTokenDto } from './dto/download-token.dto.js';

@ApiTags('Bundles')
@Controller()
export class CollectorBundlesController {
  constructor(private readonly bundles: CollectorBundlesService) {}

  @Post('admin/collectors/:id/download-tokens')
  @Authorize('create', 'DownloadToken')
  @Idempotent('download_token.create')
  @ApiOperation({
    operationId: 'createCollectorDownloadToken',
    summary: 'Make a signed one-time token for a collector’s bundle, with the curl line that uses it',
  })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async createToken(@CurrentCaller() caller: Caller, @IdParam() id: string, @Body() body: CreateDownloadTokenDto): Promise<DownloadTokenDto> {
    return toDownloadTokenDto(await this.bundles.issueToken(caller, id, body.expires_in));
  }

  @Post('collectors/:id/bundle')
  @HttpCode(200)
  @Public()
  @LimitedAs('download')
  @ApiOperation({ operationId: 'downloadCollectorBundle', summary: 'Download the bundle of a collector with a one-time token' })
  @ApiPublicIdParam()
  @ApiTokenHeaders('collectorpkg-v2:eyJ1IjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20ifQ.c2lnbmF0dXJl')
  @ApiProduces(GZIP)
  @bundleResponse(200)
  @ApiProblems(400, 404, 409)
  async download(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile | Buffer> {
    return send(await this.bundles.downloadByToken(id, presentedBy(request)), reply);
  }
}
