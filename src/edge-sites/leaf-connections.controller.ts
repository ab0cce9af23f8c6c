import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { LeafConnectionDto, toLeafConnectionDto } from './dto/leaf-connection.dto.js';
import { LeafConnections } from './leaf-connections.service.js';

@ApiTags('Edge sites')
@Controller('admin/edge-sites/:id/connections')
export class LeafConnectionsController {
  constructor(private readonly connections: LeafConnections) {}

  @Get()
  @Authorize('read', 'EdgeSite')
  @ApiOperation({
    operationId: 'listLeafConnections',
    summary: 'List when the leaf of an edge site was connected to the hub, and why it no longer was, newest first',
    description: 'As the hub saw it. Connections that ended are kept for 90 days.',
  })
  @ApiPage(LeafConnectionDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @IdParam() id: string, @Query() query: PageQuery): Promise<Page<LeafConnectionDto>> {
    const page = await this.connections.list(caller, id, query);
    return { ...page, data: page.data.map(toLeafConnectionDto) };
  }
}
