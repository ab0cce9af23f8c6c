import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { CollectorGenerations } from './collector-generations.service.js';
import { CollectorsService } from './collectors.service.js';
import { CollectorPackageDto, toCollectorPackageDto } from './dto/collector.dto.js';
import { CollectorQuery, CreateCollectorPackageDto, toCollectorFilter, toNewCollector } from './dto/collector-input.dto.js';

@ApiTags('Collectors')
@Controller('admin/collectors')
export class CollectorsController {
  constructor(
    private readonly collectors: CollectorsService,
    private readonly generations: CollectorGenerations,
  ) {}

  @Post()
  @Authorize('create', 'CollectorPackage')
  @Idempotent('collector_package.create')
  @ApiOperation({
    operationId: 'createCollectorPackage',
    summary: 'Create a collector package; its certificate and NATS user are made right away',
  })
  @ApiProblems(400, 401, 403, 404, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateCollectorPackageDto): Promise<CollectorPackageDto> {
    return toCollectorPackageDto(await this.collectors.create(caller, toNewCollector(body)));
  }

  @Get()
  @Authorize('read', 'CollectorPackage')
  @ApiOperation({ operationId: 'listCollectorPackages', summary: 'List collector packages, newest first' })
  @ApiPage(CollectorPackageDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: CollectorQuery): Promise<Page<CollectorPackageDto>> {
    const page = await this.collectors.list(caller, { ...query, ...toCollectorFilter(query) });
    return { ...page, data: page.data.map(toCollectorPackageDto) };
  }

  @Get(':id')
  @Authorize('read', 'CollectorPackage')
  @ApiOperation({ operationId: 'getCollectorPackage', summary: 'Get a collector package' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<CollectorPackageDto> {
    return toCollectorPackageDto(await this.collectors.get(caller, id));
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Authorize('update', 'CollectorPackage')
  @Idempotent('collector_package.retry')
  @ApiOperation({ operationId: 'retryCollectorPackage', summary: 'Provision a package again that has failed' })
  @ApiProblems(400, 401, 403, 404, 409)
  async retry(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<CollectorPackageDto> {
    return toCollectorPackageDto(await this.collectors.retry(caller, id));
  }

  @Post(':id/renew')
  @HttpCode(202)
  @Authorize('update', 'CollectorPackage')
  @Idempotent('collector_package.renew')
  @ApiOperation({
    operationId: 'renewCollectorPackage',
    summary: 'Make a new certificate and NATS user for a package; those before work until its collector was seen with the new ones',
  })
  @ApiProblems(400, 401, 403, 404, 409)
  async renew(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<CollectorPackageDto> {
    return toCollectorPackageDto(await this.generations.renew(caller, id));
  }

  @Post(':id/revoke-previous')
  @HttpCode(200)
  @Authorize('revoke', 'CollectorPackage')
  @ApiOperation({
    operationId: 'revokePreviousOfCollectorPackage',
    summary: 'Revoke all generations of a package before the newest at once; a collector that runs one of them is cut off',
  })
  @ApiProblems(400, 401, 403, 404, 409)
  async revokePrevious(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<CollectorPackageDto> {
    return toCollectorPackageDto(await this.generations.revokePrevious(caller, id));
  }

  @Post(':id/revoke')
  @HttpCode(200)
  @Authorize('revoke', 'CollectorPackage')
  @ApiOperation({
    operationId: 'revokeCollectorPackage',
    summary: 'Revoke a package with its certificate and NATS user; its collector is cut off',
  })
  @ApiProblems(400, 401, 403, 404, 409)
  async revoke(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<CollectorPackageDto> {
    return toCollectorPackageDto(await this.collectors.revoke(caller, id));
  }
}
