import { Body, Controller, Delete, Get, HttpCode, Inject, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Clock } from '#libs/kernel';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { type Conditions, RequestConditions, Tagged } from '../platform/conditional/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { SiteBufferDto, toSiteBufferDto } from './dto/buffer.dto.js';
import { EdgeSiteDto, NatsLeafServerDto, toEdgeSiteDto, toNatsLeafServerDto } from './dto/edge-site.dto.js';
import {
  CreateEdgeSiteDto,
  DeleteEdgeSiteQuery,
  EdgeSiteQuery,
  RunningConfigDto,
  toNewSite,
  toSiteChanges,
  UpdateEdgeSiteDto,
} from './dto/edge-site-input.dto.js';
import { EdgeSitesService } from './edge-sites.service.js';
import { LeafGenerations } from './leaf-generations.service.js';
import type { SiteInHealth, SiteWithLeaf } from './site-with-leaf.js';

@ApiTags('Edge sites')
@Controller('admin/edge-sites')
export class EdgeSitesController {
  constructor(
    private readonly sites: EdgeSitesService,
    private readonly generations: LeafGenerations,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post()
  @Authorize('create', 'EdgeSite')
  @Idempotent('edge_site.create')
  @ApiOperation({ operationId: 'createEdgeSite', summary: 'Create an edge site; its leaf is provisioned right away' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateEdgeSiteDto): Promise<EdgeSiteDto> {
    return this.present(await this.sites.create(caller, toNewSite(body)));
  }

  @Get()
  @Authorize('read', 'EdgeSite')
  @ApiOperation({ operationId: 'listEdgeSites', summary: 'List edge sites, newest first' })
  @ApiPage(EdgeSiteDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: EdgeSiteQuery): Promise<Page<EdgeSiteDto>> {
    const page = await this.sites.list(caller, query);
    return { ...page, data: page.data.map((found) => this.present(found)) };
  }

  @Get(':id')
  @Authorize('read', 'EdgeSite')
  @Tagged()
  @ApiOperation({ operationId: 'getEdgeSite', summary: 'Get an edge site' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string, @RequestConditions() conditions: Conditions): Promise<EdgeSiteDto> {
    return this.answer(conditions, await this.sites.get(caller, id));
  }

  @Patch(':id')
  @Authorize('update', 'EdgeSite')
  @Tagged()
  @ApiOperation({
    operationId: 'updateEdgeSite',
    summary: 'Change an edge site; what its leaf’s files hold is made anew as the next generation',
  })
  @ApiProblems(400, 401, 403, 404, 422)
  async update(
    @CurrentCaller() caller: Caller,
    @IdParam() id: string,
    @Body() body: UpdateEdgeSiteDto,
    @RequestConditions() conditions: Conditions,
  ): Promise<EdgeSiteDto> {
    return this.answer(conditions, await this.sites.update(caller, id, toSiteChanges(body), conditions));
  }

  @Delete(':id')
  @HttpCode(204)
  @Authorize('delete', 'EdgeSite')
  @Tagged()
  @ApiOperation({
    operationId: 'deleteEdgeSite',
    summary: 'Delete an edge site that the hub has all messages of: certificates and NATS users are revoked, the hub drops its leaf',
  })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async delete(
    @CurrentCaller() caller: Caller,
    @IdParam() id: string,
    @Query() query: DeleteEdgeSiteQuery,
    @RequestConditions() conditions: Conditions,
  ): Promise<void> {
    await this.sites.delete(caller, id, { detach: query.collectors === 'detach', discard: query.buffered === 'discard', precondition: conditions });
  }

  @Get(':id/buffer')
  @Authorize('read', 'EdgeSite')
  @ApiOperation({ operationId: 'getEdgeSiteBuffer', summary: 'Get what waits at the leaf of an edge site, and how long it has room' })
  @ApiProblems(400, 401, 403, 404)
  async buffer(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<SiteBufferDto> {
    return toSiteBufferDto(await this.sites.buffer(caller, id));
  }

  @Get(':id/leaf-server')
  @Authorize('read', 'NatsLeafServer')
  @ApiOperation({ operationId: 'getLeafServer', summary: 'Get the NATS leaf server of an edge site' })
  @ApiProblems(400, 401, 403, 404)
  async leafServer(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<NatsLeafServerDto> {
    return this.presentLeaf(await this.sites.leafServer(caller, id));
  }

  @Post(':id/leaf-server/regenerate')
  @HttpCode(202)
  @Authorize('regenerate', 'NatsLeafServer')
  @Idempotent('nats_leaf_server.regenerate')
  @ApiOperation({
    operationId: 'regenerateLeafServer',
    summary: 'Make new certificates, credentials and configuration; the generation before works until the new one connected',
  })
  @ApiProblems(400, 401, 403, 404, 409)
  async regenerate(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<NatsLeafServerDto> {
    return this.presentLeaf(await this.generations.regenerate(caller, id));
  }

  @Post(':id/leaf-server/revoke-previous')
  @HttpCode(200)
  @Authorize('revoke', 'NatsLeafServer')
  @ApiOperation({
    operationId: 'revokePreviousLeafServer',
    summary: 'Revoke all generations before the newest at once, without waiting until that has connected',
    description:
      'Revokes certificates and NATS users of all generations before the newest. A leaf that still runs one of them is dropped by the hub ' +
      'and refused from then on: it keeps what its collectors publish, and hands it on once the newest bundle is installed. Answered with ' +
      '409 while the newest generation is not provisioned, and when nothing older is left to revoke.',
  })
  @ApiProblems(400, 401, 403, 404, 409)
  async revokePrevious(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<NatsLeafServerDto> {
    return this.presentLeaf(await this.generations.revokePrevious(caller, id));
  }

  @Put(':id/leaf-server/running-config')
  @Authorize('update', 'NatsLeafServer')
  @ApiOperation({
    operationId: 'reportRunningConfig',
    summary: 'Report what the site runs; the answer says whether it has drifted from what it should run',
  })
  @ApiProblems(400, 401, 403, 404, 422)
  async reportRunning(@CurrentCaller() caller: Caller, @IdParam() id: string, @Body() body: RunningConfigDto): Promise<NatsLeafServerDto> {
    return this.presentLeaf(await this.generations.reportRunning(caller, id, body.checksum));
  }

  private answer = (conditions: Conditions, found: SiteInHealth) => conditions.answer(found.site.settingsVersion, this.present(found));
  private present = ({ site, leaf, health }: SiteInHealth) => toEdgeSiteDto({ site, leaf, health }, this.clock.now());
  private presentLeaf = ({ leaf }: SiteWithLeaf) => toNatsLeafServerDto(leaf, this.clock.now());
}
