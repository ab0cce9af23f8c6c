import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { AnyCaller, Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { ApiKeysService } from './api-keys.service.js';
import { ApiKeyDto, CreateApiKeyDto, CreatedApiKeyDto, MeDto, toApiKeyDto, toMeDto } from './dto/api-key.dto.js';

@ApiTags('API keys')
@Controller()
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @Get('me')
  @AnyCaller()
  @ApiOperation({ operationId: 'getMe', summary: 'Tell who is calling' })
  @ApiProblems(401, 403)
  me(@CurrentCaller() { principal }: Caller): MeDto {
    return toMeDto(principal);
  }

  @Post('admin/api-keys')
  @Authorize('create', 'ApiKey')
  @Idempotent('api_key.create')
  @ApiOperation({ operationId: 'createApiKey', summary: 'Create an API key of the tenant, which may do no more than the caller; it is shown once' })
  @ApiProblems(400, 401, 403, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateApiKeyDto): Promise<CreatedApiKeyDto> {
    const expiresAt = body.expires_at === undefined ? null : new Date(body.expires_at);
    const { name, role, scopes = [], site_labels: siteLabels = {} } = body;
    const { row, key } = await this.apiKeys.create(caller, { name, role, scopes, siteLabels, expiresAt });
    return { ...toApiKeyDto(row), key };
  }

  @Get('admin/api-keys')
  @Authorize('read', 'ApiKey')
  @ApiOperation({ operationId: 'listApiKeys', summary: 'List API keys, newest first' })
  @ApiPage(ApiKeyDto)
  @ApiProblems(400, 401, 403, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery): Promise<Page<ApiKeyDto>> {
    const page = await this.apiKeys.list(caller, query);
    return { ...page, data: page.data.map(toApiKeyDto) };
  }

  @Delete('admin/api-keys/:id')
  @HttpCode(204)
  @Authorize('revoke', 'ApiKey')
  @ApiOperation({ operationId: 'revokeApiKey', summary: 'Revoke an API key' })
  @ApiProblems(400, 401, 403, 404, 409)
  async revoke(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<void> {
    await this.apiKeys.revoke(caller, id);
  }
}
