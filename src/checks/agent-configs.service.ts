import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { AgentConfigAnswer, AgentConfigRequest } from '#libs/contracts';
import { Batches, DomainError, type Outcome } from '#libs/kernel';
import { AgentConfigSource, type AgentPeer, assertSelf } from '../agents/index.js';
import { Config } from '../platform/config/index.js';
import { Database, isDatabaseAway } from '../platform/database/index.js';
import { agentConfig, type ConfiguredCheck } from './agent-config.js';

/** What a site's agents are to do. The times of changes are Unix seconds. */
const CONFIG = `
  select s.id, l.id as "leafId", l.monitor_port as "monitorPort",
         extract(epoch from greatest(s.updated_at, max(c.updated_at)))::float8 as changed,
         coalesce(json_agg(json_build_object(
           'id', c.id, 'name', c.name, 'checkType', c.check_type, 'enabled', c.enabled, 'intervalSec', c.interval_sec, 'timeoutSec', c.timeout_sec,
           'target', c.target, 'port', c.port, 'path', c.path, 'method', c.method, 'settings', c.settings,
           'publishResults', c.publish_results)) filter (where c.id is not null), '[]') as checks
    from edge_sites s join nats_leaf_servers l on l.edge_site_id = s.id left join checks c on c.edge_site_id = s.id
   where s.id in (select value::uuid from json_array_elements_text(?)) and s.tenant_id = ?
   group by s.id, l.id`;

/** Sites that are asked for together. */
const TOGETHER = 500;

interface Row {
  id: string;
  leafId: string;
  monitorPort: number;
  changed: number;
  checks: ConfiguredCheck[];
}

/** What agents are told to do: each what is to be done at its own site. */
@Injectable()
export class AgentConfigs implements OnModuleInit {
  /** Thousands of agents ask every half a minute, and all at once after a restart: one statement for those who wait together. */
  readonly #sites = new Batches<string, Row | undefined>(TOGETHER, (tenantId, ids) => this.find(tenantId, ids), isDatabaseAway);

  constructor(
    private readonly database: Database,
    private readonly source: AgentConfigSource,
    private readonly config: Config,
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

  private async of({ tenantId, edgeSiteId }: AgentPeer, known?: string): Promise<AgentConfigAnswer> {
    const row = await this.#sites.add(tenantId, edgeSiteId);
    if (row === undefined) throw new DomainError('not_found', 'There is no such edge site.');
    const { leafId, monitorPort, checks, changed } = row;
    return agentConfig({ leaf: { id: leafId, monitorPort }, checks, heartbeat: this.config.agentHeartbeat, changedAt: new Date(changed * 1000) }, known);
  }

  private async find(tenantId: string, ids: readonly string[]): Promise<Outcome<Row | undefined>[]> {
    const rows = await this.database.statement<Row>({ tenantId }, CONFIG, [JSON.stringify([...new Set(ids)]), tenantId]);
    const rowOf = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => ({ result: rowOf.get(id) }));
  }
}
