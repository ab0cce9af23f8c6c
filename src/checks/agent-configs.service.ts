import { Injectable } from '@nestjs/common';
import type { AgentConfigAnswer } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { Check, EdgeSite, NatsLeafServer } from '#libs/model';
import { Database } from '../platform/database/index.js';
import { agentConfig } from './agent-config.js';

/** What the agents of a site are told to do. */
@Injectable()
export class AgentConfigs {
  constructor(private readonly database: Database) {}

  /**
   * The configuration of a site's agents as it is now.
   * @param known the version that the agent has
   * @throws DomainError `not_found` for a site that was deleted meanwhile
   */
  of(tenantId: string, edgeSiteId: string, known?: string): Promise<AgentConfigAnswer> {
    return this.database.transaction({ tenantId }, async (em) => {
      const site = await em.findOne(EdgeSite, { id: edgeSiteId }, { fields: ['updatedAt'] });
      const leaf = await em.findOne(NatsLeafServer, { edgeSiteId }, { fields: ['id', 'monitorPort'] });
      if (site === null || leaf === null) throw new DomainError('not_found', 'There is no such edge site.');
      return agentConfig({ site, leaf, checks: await em.find(Check, { edgeSiteId }) }, known);
    });
  }
}
