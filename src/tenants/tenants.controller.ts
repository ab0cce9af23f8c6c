import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { CreateTenantDto, TenantDto, toTenantDto } from './dto/tenant.dto.js';
import { TenantsService } from './tenants.service.js';

@ApiTags('Tenants')
@Controller('admin/tenants')
export class TenantsController {
  constructor(private readonly tenants: TenantsService) {}

  @Post()
  @Authorize('create', 'Tenant')
  @Idempotent('tenant.create')
  @ApiOperation({ operationId: 'createTenant', summary: 'Create a tenant with its CA and its NATS account' })
  @ApiProblems(400, 401, 403, 409, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateTenantDto): Promise<TenantDto> {
    return toTenantDto(await this.tenants.create(caller, body));
  }

  @Get()
  @Authorize('read', 'Tenant')
  @ApiOperation({ operationId: 'listTenants', summary: 'List tenants, newest first' })
  @ApiPage(TenantDto)
  @ApiProblems(401, 403, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery): Promise<Page<TenantDto>> {
    const page = await this.tenants.list(caller, query);
    return { ...page, data: page.data.map(toTenantDto) };
  }

  @Get(':id')
  @Authorize('read', 'Tenant')
  @ApiOperation({ operationId: 'getTenant', summary: 'Get a tenant by its id or slug' })
  @ApiParam({ name: 'id', description: 'Its id or slug.', example: 'acme' })
  @ApiProblems(401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<TenantDto> {
    return toTenantDto(await this.tenants.get(caller, id));
  }
}
