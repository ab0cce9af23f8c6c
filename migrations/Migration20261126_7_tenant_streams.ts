import { Migration } from '@mikro-orm/migrations';

/** What a tenant's streams store besides what the collectors publish. */
export class Migration20261126_7_tenant_streams extends Migration {
  override up(): void {
    this.addSql(`
      create table tenant_streams (
        tenant_id uuid primary key references tenants,
        added_subjects jsonb not null,
        updated_at timestamptz not null
      );

      alter table tenant_streams enable row level security;
      alter table tenant_streams force row level security;
      create policy platform on tenant_streams to app_platform using (true) with check (true);
      create policy tenant on tenant_streams to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      grant select, insert, update, delete on tenant_streams to app, app_platform;
    `);
  }
}
