import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import {
  CreatedNatsCredentialDto,
  CreateNatsCredentialDto,
  NatsAccountDto,
  NatsCredentialDto,
  toNatsAccountDto,
  toNatsCredentialDto,
} from './dto/nats.dto.js';
import { TenantCredentials } from './tenant-credentials.service.js';

@ApiTags('NATS')
@Controller('admin/nats')
export class NatsController {
  constructor(private readonly credentials: TenantCredentials) {}

  @Get('account')
  @Authorize('read', 'NatsAccount')
  @ApiOperation({ operationId: 'getNatsAccount', summary: 'Get the tenant’s NATS account' })
  @ApiProblems(400, 401, 403, 404)
  async account(@CurrentCaller() caller: Caller): Promise<NatsAccountDto> {
    return toNatsAccountDto(await this.credentials.account(caller));
  }

  @Get('credentials')
  @Authorize('read', 'NatsCredential')
  @ApiOperation({ operationId: 'listNatsCredentials', summary: 'List the NATS users that were issued, newest first' })
  @ApiPage(NatsCredentialDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery): Promise<Page<NatsCredentialDto>> {
    const page = await this.credentials.list(caller, query);
    return { ...page, data: page.data.map(toNatsCredentialDto) };
  }

  @Post('credentials')
  @Authorize('create', 'NatsCredential')
  @Idempotent('nats_user.create')
  @ApiOperation({
    operationId: 'createNatsCredential',
    summary: 'Make a short-lived NATS user for a person or a test; its credentials are shown once',
  })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateNatsCredentialDto): Promise<CreatedNatsCredentialDto> {
    const { user, creds } = await this.credentials.createForPerson(caller, { ...body, expiresIn: body.expires_in });
    return { ...toNatsCredentialDto(user), creds: creds.reveal() };
  }

  @Post('credentials/:id/revoke')
  @HttpCode(200)
  @Authorize('revoke', 'NatsCredential')
  @ApiOperation({ operationId: 'revokeNatsCredential', summary: 'Revoke a NATS user; the hub drops it' })
  @ApiProblems(400, 401, 403, 404, 409)
  async revoke(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<NatsCredentialDto> {
    return toNatsCredentialDto(await this.credentials.revoke(caller, id));
  }
}
