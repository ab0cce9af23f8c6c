import type { AgentFacts, AlertKind, FailingCheck, SiteFacts } from '#libs/alerts';
import type { AlertRule } from '#libs/model';
import type { Em } from '../platform/database/index.js';
import { fullInOf, type LimitedBuffer } from '../streams/index.js';

/** A row's `"linked"` and so on are as in `LeafFacts`. */
const SITES = `
  select s.id, s.name, s.slug, s.labels, l.link_id is not null as "linked", l.connected_at as "connectedAt", l.disconnected_at as "disconnectedAt",
         l.disconnect_reason as "disconnectReason", l.provisioned_at as "provisionedAt", l.drifted_since as "driftedSince",
         coalesce(l.installed_cert_expires_at, l.cert_expires_at) as "certExpiresAt"
    from edge_sites s join nats_leaf_servers l on l.edge_site_id = s.id
   order by s.id`;

/** Not those whose package was revoked: nobody expects to hear of them. */
const AGENTS = `
  select a.id, a.edge_site_id as "siteId", a.agent_id as "name", a.last_seen_at as "lastSeenAt"
    from agents a
   where not exists (select from onboarding_packages p where p.edge_site_id = a.edge_site_id and p.component_id = a.agent_id and p.status = 'revoked')
      or exists (select from onboarding_packages p where p.edge_site_id = a.edge_site_id and p.component_id = a.agent_id and p.status = 'activated')`;

const FAILING = `select agent_id as "agentId", service_name as "name", changed_at as "since" from agent_services where not available`;

/** The end of the last link that lasted, or of the first one where none has. */
const UNSTEADY = `
  select l.edge_site_id as "siteId",
         coalesce(
           (select c.disconnected_at from leaf_connections c
             where c.edge_site_id = l.edge_site_id and c.disconnected_at - c.connected_at >= make_interval(secs => ?) order by c.id desc limit 1),
           (select c.disconnected_at from leaf_connections c
             where c.edge_site_id = l.edge_site_id and c.disconnected_at is not null order by c.id limit 1)
         ) as "since"
    from nats_leaf_servers l
   where l.link_id is null and l.disconnected_at is not null`;

/** As rows: made into objects of the ORM, they took more than half of the time of an evaluation. Bytes are exact up to 2^53, as everywhere here. */
const BUFFERS = `
  select edge_site_id as "siteId", measured_at as "measuredAt", bytes::double precision, waiting_bytes::double precision as "waitingBytes",
         oldest_age_ms::double precision as "oldestAgeMs", byte_rate as "byteRate", max_age_ms::double precision as "maxAgeMs",
         max_bytes::double precision as "maxBytes", discard
    from site_buffers`;

type BufferRow = LimitedBuffer & { siteId: string; measuredAt: Date | string };

interface SiteRow extends Omit<SiteFacts, 'leaf' | 'agents' | 'unsteadySince'>, Omit<SiteFacts['leaf'], 'bufferFullAt'> {}

type Moments<Row, Key extends keyof Row> = Omit<Row, Key> & Record<Key, Date | string>;

/**
 * What alerts have to know of the tenant's sites, by a few queries however many they are.
 * @param em in the tenant's scope, in a transaction
 * @param rules that are evaluated: what none of them asks for is not read
 */
export async function siteFacts(em: Em, rules: readonly Pick<AlertRule, 'kind' | 'resolveAfter'>[]): Promise<SiteFacts[]> {
  const asks = (...kinds: AlertKind[]) => rules.some(({ kind }) => kinds.includes(kind));
  const sites = await em.execute<SiteRow[]>(SITES);
  const fullAt = asks('buffer_full_within') ? await bufferFullAt(em) : new Map<string, Date>();
  const agentsOf = asks('agent_silent_for', 'check_failing_for') ? await agents(em) : new Map<string, AgentFacts[]>();
  const spans = [...new Set(rules.filter(({ kind }) => kind === 'disconnected_for').map(({ resolveAfter }) => resolveAfter))];
  const unsteady = new Map<string, Map<number, Date>>();
  for (const seconds of spans) {
    for (const { siteId, since } of await em.execute<{ siteId: string; since: Date | null }[]>(UNSTEADY, [seconds])) {
      if (since !== null) unsteady.set(siteId, (unsteady.get(siteId) ?? new Map<number, Date>()).set(seconds, asDate(since)!));
    }
  }
  return sites.map(({ id, name, slug, labels, linked, disconnectReason, ...times }) => ({
    id,
    name,
    slug,
    labels,
    leaf: {
      linked,
      disconnectReason,
      connectedAt: asDate(times.connectedAt),
      disconnectedAt: asDate(times.disconnectedAt),
      provisionedAt: asDate(times.provisionedAt),
      certExpiresAt: asDate(times.certExpiresAt),
      driftedSince: asDate(times.driftedSince),
      bufferFullAt: fullAt.get(id) ?? null,
    },
    agents: agentsOf.get(id) ?? [],
    unsteadySince: unsteady.get(id) ?? new Map<number, Date>(),
  }));
}

/** As `GET …/buffer` says it: from when it was measured on, if nothing is forwarded any more. */
async function bufferFullAt(em: Em): Promise<Map<string, Date>> {
  const buffers = await em.execute<BufferRow[]>(BUFFERS);
  return new Map(
    buffers.flatMap((buffer) => {
      const seconds = fullInOf(buffer);
      return seconds === null ? [] : [[buffer.siteId, new Date(asDate(buffer.measuredAt)!.getTime() + seconds * 1000)] as const];
    }),
  );
}

async function agents(em: Em): Promise<Map<string, AgentFacts[]>> {
  const rows = await em.execute<Moments<{ id: string; siteId: string; name: string; lastSeenAt: Date }, 'lastSeenAt'>[]>(AGENTS);
  const failing = new Map<string, FailingCheck[]>();
  for (const { agentId, name, since } of await em.execute<Moments<{ agentId: string; name: string; since: Date }, 'since'>[]>(FAILING)) {
    failing.set(agentId, [...(failing.get(agentId) ?? []), { name, since: asDate(since)! }]);
  }
  const found = new Map<string, AgentFacts[]>();
  for (const { id, siteId, name, lastSeenAt } of rows) {
    found.set(siteId, [...(found.get(siteId) ?? []), { name, lastSeenAt: asDate(lastSeenAt)!, failing: failing.get(id) ?? [] }]);
  }
  return found;
}

/** The driver hands on times of raw queries as it got them. */
const asDate = (time: Date | string | null): Date | null => (time === null ? null : new Date(time));
