import { Inject, Injectable } from '@nestjs/common';
import { Batches, type Clock } from '#libs/kernel';
import { CLOCK } from '../platform/clock.js';
import { Database, isDatabaseAway, PLATFORM } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';
import type { AgentPeer } from './agent-peer.js';
import { unknownAgent } from './agent-statuses.js';

/** How long a result is known to have been published, in milliseconds. An agent that did not hear of it sends it again as soon as it is back. */
const REMEMBERED = 24 * 60 * 60 * 1000;

const SWEEP_INTERVAL = 10 * 60 * 1000;

/** Results that are looked up, or noted, together. */
const TOGETHER = 500;

const GIVEN = `json_to_recordset(?) as g (n int, site uuid, agent text, result text) join agents a on a.edge_site_id = g.site and a.agent_id = g.agent`;

const FIND = `
  select g.n, exists (select from agent_results r where r.agent_id = a.id and r.result_id = g.result) as "isPublished" from ${GIVEN}`;

/** The agent was heard of, too. */
const NOTE = `
  with given as (select distinct a.id, a.tenant_id, g.result from ${GIVEN}),
       seen as (update agents set last_seen_at = greatest(last_seen_at, ?::timestamptz) where id in (select id from given))
  insert into agent_results (agent_id, result_id, tenant_id, published_at)
  select id, result, tenant_id, ? from given order by id, result on conflict do nothing`;

interface Named {
  peer: AgentPeer;
  resultId: string;
}

/** Which results of agents have been published, so that none is twice. */
@Injectable()
export class PublishedResults extends SweepService {
  readonly #lookUps = new Batches<Named, boolean>(TOGETHER, (tenantId, asked) => this.find(tenantId, asked), isDatabaseAway);
  readonly #notes = new Batches<Named, void>(TOGETHER, (tenantId, done) => this.write(tenantId, done), isDatabaseAway);

  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(SWEEP_INTERVAL);
  }

  /** @throws DomainError `illegal_transition` when the agent has never said hello */
  has(result: Named): Promise<boolean> {
    return this.#lookUps.add(result.peer.tenantId, result);
  }

  add(result: Named): Promise<void> {
    return this.#notes.add(result.peer.tenantId, result);
  }

  /** Forgets what was published long ago. */
  async run(): Promise<void> {
    const before = new Date(this.clock.now().getTime() - REMEMBERED).toISOString();
    await this.database.statement(PLATFORM, 'delete from agent_results where published_at < ?', [before]);
  }

  private async find(tenantId: string, asked: readonly Named[]) {
    const rows = await this.database.statement<{ n: number; isPublished: boolean }>({ tenantId }, FIND, [given(asked)]);
    const found = new Map(rows.map(({ n, isPublished }) => [n, isPublished]));
    return asked.map((_one, n) => {
      const isPublished = found.get(n);
      return isPublished === undefined ? { error: unknownAgent() } : { result: isPublished };
    });
  }

  private async write(tenantId: string, done: readonly Named[]) {
    const now = this.clock.now().toISOString();
    await this.database.statement({ tenantId }, NOTE, [given(done), now, now]);
    return done.map(() => ({ result: undefined }));
  }
}

const given = (results: readonly Named[]): string =>
  JSON.stringify(results.map(({ peer, resultId }, n) => ({ n, site: peer.edgeSiteId, agent: peer.agentId, result: resultId })));
