import { Migration } from '@mikro-orm/migrations';

/** What is watched at sites, what of it has come, and who is told. */
export class Migration20261126_30_alerts extends Migration {
  override up(): void {
    this.addSql(`
      create table alert_rules (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        name text not null,
        kind text not null,
        enabled boolean not null,
        severity text not null,
        threshold integer not null,
        resolve_after integer not null,
        label_selector jsonb not null,
        checks text[] not null,
        includes_never_connected boolean not null,
        channel_ids uuid[] not null,
        settings_version integer not null,
        created_at timestamptz not null,
        updated_at timestamptz not null
      );
      create index alert_rules_of_tenant on alert_rules (tenant_id, id desc);

      create table alerts (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        -- Null when it is gone. What was watched, and where, is kept beside.
        alert_rule_id uuid references alert_rules on delete set null,
        edge_site_id uuid references edge_sites on delete set null,
        rule_name text not null,
        kind text not null,
        severity text not null,
        site_name text not null,
        site_slug text not null,
        status text not null,
        version integer not null default 1,
        summary text not null,
        detail jsonb not null,
        since timestamptz not null,
        last_value integer not null,
        clear_since timestamptz,
        -- The channels that were told, or will be: their deliveries are written with this.
        told_channel_ids uuid[] not null,
        opened_at timestamptz not null,
        acknowledged_at timestamptz,
        acknowledged_by text,
        resolved_at timestamptz,
        resolution text,
        updated_at timestamptz not null
      );
      create unique index alerts_unresolved on alerts (alert_rule_id, edge_site_id) where status <> 'resolved';
      create index alerts_of_tenant on alerts (tenant_id, id desc);
      create index alerts_of_tenant_unresolved on alerts (tenant_id) where status <> 'resolved';
      create index alerts_of_site on alerts (edge_site_id, id desc);
      create index alerts_of_rule on alerts (alert_rule_id, id desc);
      create index alerts_resolved on alerts (resolved_at) where status = 'resolved';

      create table alert_silences (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        alert_rule_id uuid references alert_rules on delete cascade,
        edge_site_id uuid references edge_sites on delete cascade,
        label_selector jsonb not null,
        until timestamptz not null,
        reason text not null,
        created_by text not null,
        created_at timestamptz not null
      );
      create index alert_silences_of_tenant on alert_silences (tenant_id, id desc);
      create index alert_silences_of_rule on alert_silences (alert_rule_id);
      create index alert_silences_of_site on alert_silences (edge_site_id);

      create table alert_channels (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        name text not null,
        kind text not null,
        -- What may be shown: where it leads to, without what opens it.
        settings jsonb not null,
        secret_ciphertext text,
        settings_version integer not null,
        last_sent_at timestamptz,
        failing_since timestamptz,
        last_error text,
        created_at timestamptz not null,
        updated_at timestamptz not null
      );
      create index alert_channels_of_tenant on alert_channels (tenant_id, id desc);

      create table alert_deliveries (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        alert_channel_id uuid not null references alert_channels on delete cascade,
        event text not null,
        status text not null,
        -- All that is told, as it was then.
        notification jsonb not null,
        attempts integer not null,
        next_attempt_at timestamptz not null,
        last_error text,
        sent_at timestamptz,
        created_at timestamptz not null
      );
      create index alert_deliveries_of_channel on alert_deliveries (alert_channel_id, id desc);
      create index alert_deliveries_of_tenant on alert_deliveries (tenant_id);
      create index alert_deliveries_pending on alert_deliveries (next_attempt_at) where status = 'pending';
      create index alert_deliveries_pending_of_channel on alert_deliveries (alert_channel_id, id) where status = 'pending';
      create index alert_deliveries_done on alert_deliveries (created_at) where status <> 'pending';

      create table alert_delivery_items (
        alert_delivery_id uuid not null references alert_deliveries on delete cascade,
        alert_id uuid not null references alerts on delete cascade,
        tenant_id uuid not null references tenants,
        primary key (alert_delivery_id, alert_id)
      );
      create index alert_delivery_items_of_alert on alert_delivery_items (alert_id, alert_delivery_id desc);
      create index alert_delivery_items_of_tenant on alert_delivery_items (tenant_id);
    `);
    for (const table of ['alert_rules', 'alerts', 'alert_silences', 'alert_channels', 'alert_deliveries', 'alert_delivery_items']) {
      this.addSql(`
        alter table ${table} enable row level security;
        alter table ${table} force row level security;
        create policy platform on ${table} to app_platform using (true) with check (true);
        create policy tenant on ${table} to app
          using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
        grant select, insert, update, delete on ${table} to app, app_platform;
      `);
    }
    this.addSql(`
      -- Who watches what, and since when without a gap: what went unseen in one is no news.
      create table watches (
        name text primary key,
        watched_since timestamptz not null,
        seen_at timestamptz not null
      );

      alter table watches enable row level security;
      alter table watches force row level security;
      create policy platform on watches to app_platform using (true) with check (true);
      grant select, insert, update, delete on watches to app_platform;
    `);
  }
}
