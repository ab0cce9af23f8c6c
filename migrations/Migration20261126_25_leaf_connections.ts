import { Migration } from '@mikro-orm/migrations';

/** When each leaf was connected, and why it no longer was. */
export class Migration20261126_25_leaf_connections extends Migration {
  override up(): void {
    this.addSql(`
      create table leaf_connections (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        edge_site_id uuid not null references edge_sites on delete cascade,
        generation integer not null,
        link_id text not null,
        connected_at timestamptz not null,
        disconnected_at timestamptz,
        reason text
      );
      create index leaf_connections_of_site on leaf_connections (edge_site_id, id desc);
      create index leaf_connections_of_tenant on leaf_connections (tenant_id);
      create index leaf_connections_ended on leaf_connections (disconnected_at);

      alter table leaf_connections enable row level security;
      alter table leaf_connections force row level security;
      create policy platform on leaf_connections to app_platform using (true) with check (true);
      create policy tenant on leaf_connections to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      grant select, insert, update, delete on leaf_connections to app, app_platform;

      alter table nats_leaf_servers add column disconnect_reason text;
    `);
  }
}
