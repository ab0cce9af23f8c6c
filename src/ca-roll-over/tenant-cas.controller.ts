import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { CaRollOver } from './ca-roll-over.service.js';
import { ActivateTenantCaDto, TenantCaDto, toTenantCaDto } from './dto/tenant-ca.dto.js';

/** The CAs of a tenant, and how the next one takes over. Workers take the same steps by themselves before a CA ends. */
@ApiTags('PKI')
@Controller('admin/pki/authorities')
export class TenantCasController {
  constructor(private readonly rollOver: CaRollOver) {}

  @Get()
  @Authorize('read', 'TenantCa')
  @ApiOperation({ operationId: 'listTenantCas', summary: "List the tenant's CAs, newest first" })
  @ApiPage(TenantCaDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery): Promise<Page<TenantCaDto>> {
    const page = await this.rollOver.list(caller, query);
    return { ...page, data: page.data.map(toTenantCaDto) };
  }

  @Get(':id')
  @Authorize('read', 'TenantCa')
  @ApiOperation({ operationId: 'getTenantCa', summary: "Get one of the tenant's CAs" })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<TenantCaDto> {
    return toTenantCaDto(await this.rollOver.get(caller, id));
  }

  /**
   * Begins a roll-over. The next CA signs nothing yet; everything that is handed out from now on trusts it as well. Within seconds, each leaf
   * of the tenant has a new generation, which its site has to install.
   */
  @Post()
  @Authorize('update', 'TenantCa')
  @Idempotent('tenant_ca.begin')
  @ApiOperation({ operationId: 'createNextTenantCa', summary: "Make the tenant's next CA" })
  @ApiProblems(400, 401, 403, 404, 409)
  async begin(@CurrentCaller() caller: Caller): Promise<TenantCaDto> {
    return toTenantCaDto(await this.rollOver.begin(caller));
  }

  /**
   * The next CA signs from now on; the one that did is retiring. Within seconds, each leaf of the tenant has a new generation with certificates
   * of the new CA. Answered with 409 as long as `waiting_sites` is not empty.
   */
  @Post(':id/activate')
  @HttpCode(200)
  @Authorize('update', 'TenantCa')
  @ApiOperation({ operationId: 'activateTenantCa', summary: 'Let the next CA sign' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async activate(@CurrentCaller() caller: Caller, @IdParam() id: string, @Body() { force }: ActivateTenantCaDto): Promise<TenantCaDto> {
    return toTenantCaDto(await this.rollOver.activate(caller, id, force ?? false));
  }

  /** What is handed out from now on does not trust it any more. Answered with 409 as long as it has `live_certificates`. */
  @Post(':id/retire')
  @HttpCode(200)
  @Authorize('update', 'TenantCa')
  @ApiOperation({ operationId: 'retireTenantCa', summary: 'Let a retiring CA go' })
  @ApiProblems(400, 401, 403, 404, 409)
  async retire(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<TenantCaDto> {
    return toTenantCaDto(await this.rollOver.retire(caller, id));
  }
}
