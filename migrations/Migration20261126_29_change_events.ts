import { Migration } from '@mikro-orm/migrations';

/** What is told of each change of a row: when these columns have. What is not here changes without anybody being told. */
const TOLD = {
  edge_sites: {
    kind: 'edge_site',
    columns: ['status', 'name', 'slug', 'nats_leaf_url', 'labels', 'server_sans', 'buffer_max_age', 'buffer_max_bytes', 'buffer_discard', 'settings_version'],
  },
  nats_leaf_servers: {
    kind: 'nats_leaf_server',
    columns: [
      ...['status', 'upstream_url', 'local_listen', 'monitor_port', 'jetstream_max_memory_bytes', 'jetstream_max_file_bytes', 'jetstream_sync_always'],
      ...['generation', 'provisioned_generation', 'connected_generation', 'installed_generation', 'config_checksum', 'cert_expires_at', 'last_error'],
      ...['link_id', 'connected_at', 'disconnected_at', 'disconnect_reason', 'running_checksum', 'drifted_since'],
    ],
  },
  collector_packages: {
    kind: 'collector_package',
    columns: [
      ...['status', 'edge_site_id', 'config_overrides', 'attempt', 'last_error', 'generation', 'provisioned_generation', 'downloaded_generation'],
      ...['installed_generation', 'cert_expires_at', 'downloaded_nats_url', 'downloaded_at'],
    ],
  },
  onboarding_packages: { kind: 'onboarding_package', columns: ['status', 'edge_site_id'] },
  agents: { kind: 'agent', columns: ['version', 'hostname', 'os', 'arch', 'capabilities', 'labels', 'config_version'] },
  agent_services: { kind: 'agent', columns: ['available'] },
};

/** What goes only with its site, which is told. */
const GO_WITH_THEIR_SITE = ['agents', 'agent_services'];

const listOf = (row: 'old' | 'new', columns: string[]) => `(${columns.map((column) => `${row}.${column}`).join(', ')})`;

const triggers = ([table, { kind, columns }]: [string, { kind: string; columns: string[] }]) => `
  create trigger change_event_of_row after insert ${GO_WITH_THEIR_SITE.includes(table) ? '' : 'or delete'} on ${table}
    for each row execute function record_change('${kind}');
  create trigger change_event_of_columns after update on ${table}
    for each row when (${listOf('old', columns)} is distinct from ${listOf('new', columns)}) execute function record_change('${kind}');`;

/**
 * What has changed, for those who listen. In the order of the transactions that changed it, \`xid\` first: the sequence tells the order within one,
 * as transactions commit in any order of it.
 */
export class Migration20261126_29_change_events extends Migration {
  override up(): void {
    this.addSql(`
      create table change_events (
        xid xid8 not null default pg_current_xact_id(),
        seq bigint generated always as identity,
        tenant_id uuid not null references tenants,
        kind text not null,
        change text not null check (change in ('created', 'changed', 'deleted')),
        subject_id uuid not null,
        edge_site_id uuid,
        -- Of a site that is gone: whoever could reach it is told.
        site_labels jsonb,
        at timestamptz not null default clock_timestamp(),
        primary key (xid, seq)
      );
      create index change_events_of_tenant on change_events (tenant_id, xid, seq);
      create index change_events_by_time on change_events using brin (at);

      -- The last event that was removed: whoever has heard less than that has missed some.
      create table change_events_swept (
        singleton boolean primary key default true check (singleton),
        xid xid8 not null,
        seq bigint not null
      );

      alter table change_events enable row level security;
      alter table change_events force row level security;
      create policy platform on change_events to app_platform using (true) with check (true);
      create policy tenant on change_events to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      -- What a foreign key changes, the owner of the tables does, from PostgreSQL 18 on in triggers, too.
      create policy foreign_keys on change_events for insert to current_user with check (true);
      grant select, insert on change_events to app;
      grant select, insert, delete on change_events to app_platform;

      alter table change_events_swept enable row level security;
      alter table change_events_swept force row level security;
      create policy platform on change_events_swept to app_platform using (true) with check (true);
      create policy tenant on change_events_swept for select to app using (true);
      grant select on change_events_swept to app;
      grant select, insert, update on change_events_swept to app_platform;

      -- For a trigger on a table with tenant_id, and edge_site_id unless it is that of sites. The argument is what its rows are called.
      create or replace function record_change() returns trigger language plpgsql as $$
      declare
        changed record;
        subject uuid;
        site uuid;
        labels jsonb;
      begin
        if tg_op = 'DELETE' then changed := old; else changed := new; end if;
        if tg_table_name = 'agent_services' then subject := changed.agent_id; else subject := changed.id; end if;
        if tg_table_name = 'edge_sites' then site := changed.id; else site := changed.edge_site_id; end if;
        if tg_table_name = 'edge_sites' and tg_op = 'DELETE' then labels := changed.labels; end if;
        insert into change_events (tenant_id, kind, change, subject_id, edge_site_id, site_labels) values (
          changed.tenant_id, tg_argv[0],
          case when tg_table_name = 'agent_services' then 'changed' when tg_op = 'INSERT' then 'created' when tg_op = 'DELETE' then 'deleted' else 'changed' end,
          subject, site, labels);
        -- Once a transaction, whatever it changes.
        perform pg_notify('change_events', '');
        return null;
      end $$;
    `);
    for (const told of Object.entries(TOLD)) this.addSql(triggers(told));
  }
}
