import { Body, Controller, Get, Headers, HttpCode, Param, Post, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiParam, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Authorize, type Caller, CurrentCaller, Public } from '../platform/auth/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { CreateDownloadTokenDto, DownloadTokenDto } from './dto/download-token.dto.js';
import { type Download, EdgeSiteBundlesService } from './edge-site-bundles.service.js';

const GZIP = 'application/gzip';
const TOKEN_HEADER = 'x-serviceradar-download-token';

const bundleResponse = (status: number) =>
  ApiResponse({ status, description: 'The bundle, a tar.gz.', content: { [GZIP]: { schema: { type: 'string', format: 'binary' } } } });

@ApiTags('Bundles')
@Controller()
export class BundlesController {
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
  ): Promise<StreamableFile> {
    return send(await this.bundles.download(caller, id), reply);
  }

  @Post('admin/edge-sites/:id/download-tokens')
  @Authorize('create', 'DownloadToken')
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
    const { token, expiresAt, command } = await this.bundles.issueToken(caller, id, body.expires_in);
    return { token: token.reveal(), expires_at: expiresAt.toISOString(), command };
  }

  @Post('edge-sites/:id/bundle')
  @HttpCode(200)
  @Public()
  @ApiOperation({
    operationId: 'downloadEdgeSiteBundleByToken',
    summary: 'Download the bundle of an edge site with a one-time token',
  })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid', example: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70' } })
  @ApiHeader({
    name: TOKEN_HEADER,
    required: true,
    description: 'The token. A wrong, used, expired or foreign one is answered with 404.',
    example: 'q0Xw1bZ1y8hYkq2u3v4w5x6y7z8A9B0CdEfGhIjKlMn',
  })
  @ApiProduces(GZIP)
  @bundleResponse(200)
  @ApiProblems(404, 409)
  async downloadByToken(
    @Param('id') id: string,
    @Headers(TOKEN_HEADER) token: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const origin = { requestId: request.id, sourceAddress: request.ip };
    return send(await this.bundles.downloadByToken(id, token, origin), reply);
  }
}

function send({ fileName, length, stream }: Download, reply: FastifyReply): StreamableFile {
  void reply.header('cache-control', 'no-store');
  return new StreamableFile(stream, { type: GZIP, length, disposition: `attachment; filename="${fileName}"` });
}
