import { Migration } from '@mikro-orm/migrations';

/** What the agents of a site are to check. */
export class Migration20261126_28_checks extends Migration {
  override up(): void {
    this.addSql(`
      create table checks (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        edge_site_id uuid not null references edge_sites on delete cascade,
        version integer not null default 1,
        name text not null,
        check_type text not null,
        enabled boolean not null,
        interval_sec integer not null,
        timeout_sec integer not null,
        target text not null,
        port integer,
        path text,
        method text,
        settings jsonb not null,
        settings_version integer not null default 1,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        unique (edge_site_id, name)
      );
      create index checks_of_tenant on checks (tenant_id);

      alter table checks enable row level security;
      alter table checks force row level security;
      create policy platform on checks to app_platform using (true) with check (true);
      create policy tenant on checks to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      grant select, insert, update, delete on checks to app, app_platform;
    `);
  }
}
