import { Migration } from '@mikro-orm/migrations';

/** What each site's leaf held when it was last asked, and what of it the hub had not got. */
export class Migration20261126_6_site_buffers extends Migration {
  override up(): void {
    this.addSql(`
      create table site_buffers (
        edge_site_id uuid primary key references edge_sites on delete cascade,
        tenant_id uuid not null references tenants,
        measured_at timestamptz not null,
        link_id text not null,
        request_id uuid,
        messages bigint not null,
        bytes bigint not null,
        last_sequence bigint not null,
        forwarded_sequence bigint,
        waiting_messages bigint not null,
        waiting_bytes bigint not null,
        oldest_age_ms bigint,
        message_rate double precision not null,
        byte_rate double precision not null,
        rate_span double precision not null,
        stream_created_at timestamptz not null,
        leaf_time timestamptz not null,
        max_age_ms bigint not null,
        max_bytes bigint not null,
        discard text not null check (discard in ('old', 'new'))
      );
      create index site_buffers_of_tenant on site_buffers (tenant_id);

      alter table site_buffers enable row level security;
      alter table site_buffers force row level security;
      create policy platform on site_buffers to app_platform using (true) with check (true);
      create policy tenant on site_buffers to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      grant select, insert, update, delete on site_buffers to app, app_platform;
    `);
  }
}
