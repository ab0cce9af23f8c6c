import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';

/** Links that each leaf has had. */
const LINKS = 5;

/** Services that each agent has told of. */
const SERVICES = 3;

/** A copy of a row for each that `from` yields, with other values. */
const copy = (table: string, over: string, from: string) =>
  `insert into ${table} select copy.* from ${table} one ${from} cross join lateral jsonb_populate_record(one, ${over}) copy where `;

/**
 * Makes a site and its leaf, which nobody has provisioned yet, so many, each linked, with an agent, and with what it has told. The hub is watched.
 * @param database as its superuser
 */
export async function copySites(database: Client, siteId: string, count: number): Promise<void> {
  const site = `jsonb_build_object('id', gen_random_uuid(), 'slug', 'copy-' || n, 'name', 'Copy ' || n)`;
  await database.query(`${copy('edge_sites', site, 'cross join generate_series(2, $1) n')} one.id = $2`, [count, siteId]);
  const leaf = `jsonb_build_object('id', gen_random_uuid(), 'edge_site_id', s.id, 'jetstream_domain', s.slug)`;
  await database.query(`${copy('nats_leaf_servers', leaf, 'join edge_sites s on s.id <> one.edge_site_id')} one.edge_site_id = $1`, [siteId]);
  await database.query(`
    update nats_leaf_servers set status = 'connected', link_id = 'HUB:1', connected_at = now() - interval '1 hour', disconnected_at = now() - interval '2 hours',
           provisioned_at = now() - interval '1 day', cert_expires_at = now() + interval '300 days';
    insert into leaf_connections
      select gen_random_uuid(), tenant_id, id, 1, 'HUB:1', now() - make_interval(hours => n + 1), case when n > 0 then now() - make_interval(hours => n) end, 'Client Closed'
        from edge_sites cross join generate_series(0, ${LINKS - 1}) n;
    insert into agents
      select gen_random_uuid(), tenant_id, id, 'agent-1', '1.0.0', 'host', 'linux', 'x64', '{}', '{}', '1', 'gateway', now(), now() + interval '1 day' from edge_sites;
    insert into agent_services
      select id, 'service-' || n, tenant_id, edge_site_id, 'tcp', true, '{}', 3200000, now(), now() from agents cross join generate_series(1, ${SERVICES}) n;
    insert into site_buffers
      select id, tenant_id, now(), 'HUB:1', null, 1000, 200000, 1000, 1000, 0, 0, null, 1, 200, 60, now(), now(), 604800000, 1073741824, 'old' from edge_sites;
    insert into watches values ('hub', now() - interval '1 hour', now() + interval '1 day'), ('alerts', now() - interval '1 hour', now())
      on conflict (name) do update set watched_since = excluded.watched_since, seen_at = excluded.seen_at;
    analyze`);
}

/** Reads of the sites what alerts have to know, and leaves it at that. @returns milliseconds */
export async function readSites(database: Client): Promise<number> {
  const begin = performance.now();
  await database.query(`
    select s.id, s.name, s.slug, s.labels, l.link_id, l.connected_at, l.disconnected_at, l.disconnect_reason, l.provisioned_at, l.drifted_since, l.cert_expires_at
      from edge_sites s join nats_leaf_servers l on l.edge_site_id = s.id order by s.id`);
  await database.query('select id, edge_site_id, agent_id, last_seen_at from agents');
  await database.query('select edge_site_id, measured_at, bytes, waiting_bytes, oldest_age_ms, byte_rate, max_age_ms, max_bytes, discard from site_buffers');
  return performance.now() - begin;
}

/**
 * Writes the alerts that there are, all of them resolved, once more as open ones, with the message that tells of them, in one transaction; and takes
 * them back.
 * @returns milliseconds until it is committed
 */
export async function insertAlerts(database: Client): Promise<number> {
  const copied = (table: string) => `create temporary table new_${table} as select * from ${table}`;
  await database.query(`
    ${copied('alerts')};
    update new_alerts set id = gen_random_uuid(), status = 'open', resolved_at = null;
    ${copied('alert_deliveries')} where event = 'opened' limit 1;
    update new_alert_deliveries set id = gen_random_uuid();
    create temporary table new_alert_delivery_items as select d.id as alert_delivery_id, a.id as alert_id, a.tenant_id from new_alerts a cross join new_alert_deliveries d`);
  const tables = ['alerts', 'alert_deliveries', 'alert_delivery_items'];
  const begin = performance.now();
  await database.query(`begin; ${tables.map((table) => `insert into ${table} select * from new_${table};`).join(' ')} commit`);
  const took = performance.now() - begin;
  await database.query(`delete from alerts where id in (select id from new_alerts); delete from alert_deliveries where id in (select id from new_alert_deliveries)`);
  await database.query(`drop table ${tables.map((table) => `new_${table}`).join(', ')}`);
  return took;
}
