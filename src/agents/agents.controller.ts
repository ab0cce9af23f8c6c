import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { ApiPage, type Page } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { AgentInventory } from './agent-inventory.js';
import { AgentDetailsDto, AgentDto, AgentQuery, toAgentDetailsDto, toAgentDto } from './dto/agent.dto.js';

@ApiTags('Agents')
@Controller('admin/agents')
export class AgentsController {
  constructor(private readonly agents: AgentInventory) {}

  @Get()
  @Authorize('read', 'Agent')
  @ApiOperation({ operationId: 'listAgents', summary: 'List the agents that have come, those that came last for the first time before others' })
  @ApiPage(AgentDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: AgentQuery): Promise<Page<AgentDto>> {
    const page = await this.agents.list(caller, { ...query, edgeSiteId: query.edge_site_id });
    return { ...page, data: page.data.map(toAgentDto) };
  }

  @Get(':id')
  @Authorize('read', 'Agent')
  @ApiOperation({ operationId: 'getAgent', summary: 'Get an agent, and how the services are that it checks' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<AgentDetailsDto> {
    return toAgentDetailsDto(await this.agents.get(caller, id));
  }
}
