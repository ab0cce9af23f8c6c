import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { RetireSigningKeyDto, SigningKeyDto, toSigningKeyDto } from './dto/signing-key.dto.js';
import { SigningKeysService } from './signing-keys.service.js';

@ApiTags('NATS')
@Controller('admin/nats/signing-keys')
export class SigningKeysController {
  constructor(private readonly keys: SigningKeysService) {}

  @Get()
  @Authorize('read', 'NatsAccount')
  @ApiOperation({ operationId: 'listSigningKeys', summary: 'List the keys that sign the NATS users of the tenant’s accounts, newest first' })
  @ApiPage(SigningKeyDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery): Promise<Page<SigningKeyDto>> {
    const page = await this.keys.list(caller, query);
    return { ...page, data: page.data.map(toSigningKeyDto) };
  }

  @Post('rotate')
  @HttpCode(202)
  @Authorize('regenerate', 'NatsAccount')
  @Idempotent('nats_signing_key.rotate')
  @ApiOperation({
    operationId: 'rotateSigningKeys',
    summary: 'Make new signing keys for the tenant’s accounts; leaves and packages get new users, and the keys before go when nobody has theirs any more',
  })
  @ApiPage(SigningKeyDto)
  @ApiProblems(400, 401, 403, 404, 409)
  async rotate(@CurrentCaller() caller: Caller): Promise<Page<SigningKeyDto>> {
    const keys = await this.keys.rotate(caller);
    return { data: keys.map(toSigningKeyDto), next_cursor: null };
  }

  @Post(':id/retire')
  @HttpCode(200)
  @Authorize('revoke', 'NatsAccount')
  @ApiOperation({ operationId: 'retireSigningKey', summary: 'Take a retiring signing key out of use now; with force, whoever it has signed is cut off' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async retire(@CurrentCaller() caller: Caller, @IdParam() id: string, @Body() body: RetireSigningKeyDto): Promise<SigningKeyDto> {
    return toSigningKeyDto(await this.keys.retire(caller, id, { force: body.force ?? false }));
  }
}
