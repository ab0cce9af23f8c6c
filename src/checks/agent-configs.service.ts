import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { AgentConfigAnswer, AgentConfigRequest } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { Check, EdgeSite, NatsLeafServer } from '#libs/model';
import { AgentConfigSource, type AgentPeer, assertSelf } from '../agents/index.js';
import { Database } from '../platform/database/index.js';
import { agentConfig } from './agent-config.js';

/** What agents are told to do: each what is to be done at its own site. */
@Injectable()
export class AgentConfigs implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly source: AgentConfigSource,
  ) {}

  onModuleInit(): void {
    this.source.register(async (peer) => (await this.of(peer)).config_version);
  }

  /**
   * An agent asks for its configuration.
   * @throws DomainError `forbidden` when it says that it is another; `not_found` for a site that was deleted meanwhile
   */
  async answer(peer: AgentPeer, { agent_id, config_version }: AgentConfigRequest): Promise<AgentConfigAnswer> {
    assertSelf(peer, { agent_id, partition: '' });
    return this.of(peer, config_version);
  }

  private of({ tenantId, edgeSiteId }: AgentPeer, known?: string): Promise<AgentConfigAnswer> {
    return this.database.transaction({ tenantId }, async (em) => {
      const site = await em.findOne(EdgeSite, { id: edgeSiteId }, { fields: ['updatedAt'] });
      const leaf = await em.findOne(NatsLeafServer, { edgeSiteId }, { fields: ['id', 'monitorPort'] });
      if (site === null || leaf === null) throw new DomainError('not_found', 'There is no such edge site.');
      return agentConfig({ site, leaf, checks: await em.find(Check, { edgeSiteId }) }, known);
    });
  }
}
