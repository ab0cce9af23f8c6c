import { Inject, Injectable } from '@nestjs/common';
import type { LeafFindings } from '#libs/contracts';
import { type AgentWitness, type Health, type HealthState, healthOf, type Witnesses } from '#libs/health';
import type { Clock } from '#libs/kernel';
import { CLOCK } from '../platform/clock.js';
import { Config } from '../platform/config/index.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';

/** Times as they come without the ORM's types. */
type Time = string | Date;

/** All that is on record of how a site is. */
interface Row {
  id: string;
  created_at: Time;
  linked: boolean;
  connected_at: Time | null;
  disconnected_at: Time | null;
  disconnect_reason: string | null;
  cert_expires_at: Time | null;
  user_expires_at: Time | null;
  user_revoked_at: Time | null;
  drifted_since: Time | null;
  first_seen_at: Time | null;
  last_seen_at: Time | null;
  available: boolean | null;
  changed_at: Time | null;
  reported_at: Time | null;
  details: Partial<LeafFindings> | null;
}

/**
 * What a site has is the generation that its leaf connected with last; until one has, the newest. Users of `leaf_control` carry no messages. Of
 * several agents at a site, the one that has spoken last stands for all, and so does the one that has spoken of the leaf last.
 */
const WITNESSES = `
  select s.id, s.created_at, l.link_id is not null as linked, l.connected_at, l.disconnected_at, l.disconnect_reason,
         coalesce(l.installed_cert_expires_at, l.cert_expires_at) as cert_expires_at, u.expires_at as user_expires_at, u.revoked_at as user_revoked_at,
         l.drifted_since, a.first_seen_at, a.last_seen_at, w.available, w.changed_at, w.reported_at, w.details
    from edge_sites s
    join nats_leaf_servers l on l.edge_site_id = s.id
    left join lateral (select min(expires_at) as expires_at, min(revoked_at) as revoked_at from nats_users
                        where edge_site_id = s.id and generation = l.installed_generation and purpose = 'leaf') u on true
    left join lateral (select first_seen_at, last_seen_at from agents where edge_site_id = s.id order by last_seen_at desc limit 1) a on true
    left join lateral (select available, changed_at, reported_at, details from agent_services
                        where edge_site_id = s.id and service_type = 'nats_leaf' order by reported_at desc limit 1) w on true`;

/** How sites are doing, by what is on record at that moment. Nothing of it is stored. */
@Injectable()
export class SiteHealth {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Of many sites by one query.
   * @param em in whose scope they are
   * @returns by the sites' ids; those that are not there are left out
   */
  async healthOf(em: Em, siteIds: readonly string[]): Promise<Map<string, Health>> {
    if (siteIds.length === 0) return new Map();
    const rows: Row[] = await em.execute(`${WITNESSES} where s.id in (?)`, [siteIds]);
    const now = this.clock.now();
    return new Map(rows.map((row) => [row.id, healthOf(witnessesOf(row, this.config.agentSilence), now)]));
  }

  /** How many sites of the installation are in each state; those in which none is are left out. */
  async count(): Promise<Map<HealthState, number>> {
    const rows = await this.database.statement<Row>(PLATFORM, WITNESSES, []);
    const now = this.clock.now();
    const counts = new Map<HealthState, number>();
    for (const row of rows) {
      const { state } = healthOf(witnessesOf(row, this.config.agentSilence), now);
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return counts;
  }
}

const time = (at: Time | null) => (at === null ? null : new Date(at));

const firstOf = (...times: (Date | null)[]) => times.reduce((first, at) => (first === null || (at !== null && at < first) ? at : first), null);

function witnessesOf(row: Row, agentSilence: number): Witnesses {
  return {
    createdAt: new Date(row.created_at),
    hub: { linked: row.linked, connectedAt: time(row.connected_at), disconnectedAt: time(row.disconnected_at), disconnectReason: row.disconnect_reason },
    credentials: { expiresAt: firstOf(time(row.cert_expires_at), time(row.user_expires_at)), revokedAt: time(row.user_revoked_at) },
    driftedSince: time(row.drifted_since),
    agent: agentOf(row),
    agentSilence,
  };
}

function agentOf({ first_seen_at, last_seen_at, available, changed_at, reported_at, details }: Row): AgentWitness | null {
  if (first_seen_at === null || last_seen_at === null) return null;
  const seen = { firstSeenAt: new Date(first_seen_at), lastSeenAt: new Date(last_seen_at) };
  if (available === null || changed_at === null || reported_at === null) return { ...seen, leaf: null };
  // What an agent sends is its own to get wrong.
  const upstream = details?.upstream_connected;
  const upstreamConnected = typeof upstream === 'boolean' ? upstream : null;
  return { ...seen, leaf: { available, changedAt: new Date(changed_at), reportedAt: new Date(reported_at), upstreamConnected } };
}
