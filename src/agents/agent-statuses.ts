import { Inject, Injectable, Logger } from '@nestjs/common';
import { Batches, type Clock, DomainError, grouped, type Outcome } from '#libs/kernel';
import { SiteReports } from '../edge-sites/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, isDatabaseAway } from '../platform/database/index.js';
import { type AgentPeer, callerOf } from './agent-peer.js';
import { Room } from './room.js';
import type { ServiceReport } from './status-report.js';

/** How long statuses are gathered before they are written together, in milliseconds. */
const GATHER = 100;

/** Messages that are written together at most. */
const MESSAGES = 200;

/** Bytes of statuses, about, that wait in this process to be written. */
const ROOM = 32 * 1024 * 1024;

/** What a message takes of it beside its statuses. */
const MESSAGE_BYTES = 1_024;

/** Services of one agent that are kept: with so many, it gets no new ones. */
const SERVICES_OF_AGENT = 1_000;

/** Of a leaf, whether it is connected upstream; null of all else. */
const UPSTREAM = (row: string) => `case when ${row}.service_type = 'nats_leaf' then ${row}.details -> 'upstream_connected' end`;

const WRITE = `
  with reporter as (
    update agents a set last_seen_at = greatest(a.last_seen_at, r.at), gateway_id = ?
      from (select *, ?::timestamptz as at from json_to_recordset(?) as given (n int, site uuid, agent text)) r
     where a.edge_site_id = r.site and a.agent_id = r.agent
    returning r.n, r.at, a.id, a.tenant_id, a.edge_site_id
  ), holder as materialized (
    select r.*, (select count(*) from agent_services k where k.agent_id = r.id) as held from reporter r
  ), written as (
    insert into agent_services as s
      (agent_id, service_name, tenant_id, edge_site_id, service_type, available, details, response_time_ns, reported_at, changed_at)
    select r.id, g.name, r.tenant_id, r.edge_site_id, g.type, g.available, g.details, g."responseTimeNs", r.at, r.at
      from json_to_recordset(?) as g (n int, name text, type text, available boolean, details jsonb, "responseTimeNs" bigint)
      join holder r on r.n = g.n
     where r.held < ${SERVICES_OF_AGENT} or exists (select from agent_services k where k.agent_id = r.id and k.service_name = g.name)
     order by r.id, g.name
    on conflict (agent_id, service_name) do update
       set service_type = excluded.service_type, available = excluded.available, details = excluded.details,
           response_time_ns = excluded.response_time_ns, reported_at = excluded.reported_at,
           changed_at = case when s.available = excluded.available and ${UPSTREAM('s')} is not distinct from ${UPSTREAM('excluded')}
                        then s.changed_at else excluded.changed_at end
    returning agent_id
  )
  select r.n, coalesce(w.written, 0)::int as written
    from reporter r left join (select agent_id, count(*) as written from written group by agent_id) w on w.agent_id = r.id`;

interface Message {
  peer: AgentPeer;
  gatewayId: string;
  statuses: readonly ServiceReport[];
}

/** An agent of a batch, and what it said last of each of its services. */
interface Reporter {
  n: number;
  peer: AgentPeer;
  statuses: Map<string, ServiceReport>;
}

/** Writes down how services are that agents check: what comes together, together, a tenant's in one statement. */
@Injectable()
export class AgentStatuses {
  private readonly logger = new Logger(AgentStatuses.name);
  readonly #room = new Room(ROOM);
  readonly #messages = new Batches<Message, void>(MESSAGES, (tenantId, messages) => this.write(tenantId, messages), isDatabaseAway, (begin) => setTimeout(begin, GATHER));

  constructor(
    private readonly database: Database,
    private readonly sites: SiteReports,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Whether somebody waits already for statuses to be taken. */
  get isCrowded(): boolean {
    return this.#room.isCrowded;
  }

  /**
   * Takes statuses, when there is room for them.
   * @returns what is kept once they are committed
   */
  async take(message: Message): Promise<{ committed: Promise<void> }> {
    const size = sizeOf(message);
    await this.#room.enter(size);
    return { committed: this.#messages.add(message.peer.tenantId, message).finally(() => this.#room.leave(size)) };
  }

  private async write(tenantId: string, messages: readonly Message[]): Promise<Outcome<void>[]> {
    const reporters = reportersOf(messages);
    const given = [...reporters.values()];
    const agents = given.map(({ n, peer }) => ({ n, site: peer.edgeSiteId, agent: peer.agentId }));
    const services = given.flatMap(({ n, statuses }) => [...statuses.values()].map(({ size: _, ...status }) => ({ n, ...status })));
    const values = [messages.at(-1)!.gatewayId, this.clock.now().toISOString(), JSON.stringify(agents), JSON.stringify(services)];
    const rows = await this.database.statement<{ n: number; written: number }>({ tenantId }, WRITE, values);
    const written = new Map(rows.map((row) => [row.n, row.written]));
    this.report(tenantId, given.filter(({ n }) => written.has(n)));
    return messages.map(({ peer }) => {
      const { n, statuses } = reporters.get(keyOf(peer))!;
      const error = refusalOf(written.get(n), statuses.size);
      return error === undefined ? { result: undefined } : { error };
    });
  }

  /** What follows from it for sites. It waits for locks of others, and nobody has to wait for it. */
  private report(tenantId: string, reporters: readonly Reporter[]): void {
    const sites = [...new Set(reporters.map(({ peer }) => peer.edgeSiteId))];
    const failed = (error: unknown) => this.logger.warn({ err: error, tenantId }, 'what agents say of their sites was not noted; the next word of theirs is');
    this.sites.seen(tenantId, sites).catch(failed);
    for (const { peer, statuses } of reporters) {
      for (const { type, details } of statuses.values()) {
        const checksum = type === 'nats_leaf' ? details.config_checksum : undefined;
        if (typeof checksum === 'string') this.sites.running(callerOf(peer, 'operator'), peer.edgeSiteId, checksum).catch(failed);
      }
    }
  }
}

/** By agent: what it says later takes the place of what it said before. */
function reportersOf(messages: readonly Message[]): Map<string, Reporter> {
  const ofAgents = [...grouped(messages, ({ peer }) => keyOf(peer))];
  return new Map(
    ofAgents.map(([key, all], n) => {
      const statuses = new Map(all.flatMap((message) => message.statuses).map((status) => [status.name, status]));
      return [key, { n, peer: all.at(-1)!.peer, statuses }];
    }),
  );
}

function refusalOf(written: number | undefined, given: number): DomainError | undefined {
  if (written === undefined) return unknownAgent();
  if (written >= given) return undefined;
  return new DomainError('too_large', `Of ${given} services ${written} were kept: of one agent, ${SERVICES_OF_AGENT} are.`);
}

export const unknownAgent = () => new DomainError('illegal_transition', 'This agent has never said hello. Call Hello first.');

const keyOf = ({ edgeSiteId, agentId }: AgentPeer) => `${edgeSiteId} ${agentId}`;

const sizeOf = ({ statuses }: Message) => statuses.reduce((sum, { size }) => sum + size, MESSAGE_BYTES);
