import { Migration } from '@mikro-orm/migrations';

/** Which leaves are reached over the control account now, and which revision of their tenant's account each of them has confirmed. */
export class Migration20261126_3_leaf_control_links extends Migration {
  override up(): void {
    this.addSql(`
      create table leaf_control_links (
        edge_site_id uuid primary key references edge_sites on delete cascade,
        tenant_id uuid not null references tenants,
        link_id text not null,
        account_revision integer,
        connected_at timestamptz not null
      );
      create index leaf_control_links_of_tenant on leaf_control_links (tenant_id);

      alter table leaf_control_links enable row level security;
      alter table leaf_control_links force row level security;
      create policy platform on leaf_control_links to app_platform using (true) with check (true);
      create policy tenant on leaf_control_links to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      grant select, insert, update, delete on leaf_control_links to app, app_platform;
    `);
  }
}
