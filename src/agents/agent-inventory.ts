import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { Agent, AgentService } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Config } from '../platform/config/index.js';
import { Database, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';

/** How many services of an agent are shown. */
export const SERVICES_MAX = 200;

/** An agent as people see it. */
export interface AgentView {
  agent: Agent;
  /** Whether nothing came of it for a while. */
  silent: boolean;
}

/** And what it said last of what it checks, by name. */
export interface AgentWithServices extends AgentView {
  services: AgentService[];
}

/** The agents that have come, for people to look at. */
@Injectable()
export class AgentInventory {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @param edgeSiteId only those of this site */
  async list(caller: Caller, { edgeSiteId, ...query }: PageQuery & { edgeSiteId?: string }): Promise<Page<AgentView>> {
    const where = { $and: [caller.readable('Agent'), edgeSiteId === undefined ? {} : { edgeSiteId }, after(query)] } as Where<Agent>;
    const rows = await this.database.em(caller.tenantScope).find(Agent, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    const page = pageOf(rows, query.limit);
    return { ...page, data: page.data.map((agent) => this.view(agent)) };
  }

  /** @throws DomainError `not_found` */
  get(caller: Caller, id: string): Promise<AgentWithServices> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const agent = await em.findOne(Agent, { $and: [caller.readable('Agent'), { id }] } as Where<Agent>);
      if (agent === null) throw new DomainError('not_found', 'There is no such agent.');
      const services = await em.find(AgentService, { agentId: id }, { orderBy: { serviceName: 'asc' }, limit: SERVICES_MAX });
      return { ...this.view(agent), services };
    });
  }

  private view = (agent: Agent): AgentView => ({ agent, silent: this.clock.now().getTime() - agent.lastSeenAt.getTime() > this.config.agentSilence });
}
