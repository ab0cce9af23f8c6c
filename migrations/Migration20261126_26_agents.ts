import { Migration } from '@mikro-orm/migrations';

/** The agents that have come, and how the services are that they check. */
export class Migration20261126_26_agents extends Migration {
  override up(): void {
    this.addSql(`
      create table agents (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        edge_site_id uuid not null references edge_sites on delete cascade,
        agent_id text not null,
        version text not null,
        hostname text not null,
        os text not null,
        arch text not null,
        capabilities text[] not null,
        labels jsonb not null,
        config_version text not null,
        gateway_id text not null,
        first_seen_at timestamptz not null,
        last_seen_at timestamptz not null,
        unique (edge_site_id, agent_id)
      );
      create index agents_of_tenant on agents (tenant_id);

      create table agent_services (
        agent_id uuid not null references agents on delete cascade,
        service_name text not null,
        tenant_id uuid not null references tenants,
        edge_site_id uuid not null references edge_sites on delete cascade,
        service_type text not null,
        available boolean not null,
        details jsonb not null,
        response_time_ns bigint not null,
        reported_at timestamptz not null,
        changed_at timestamptz not null,
        primary key (agent_id, service_name)
      );
      create index agent_services_of_site on agent_services (edge_site_id);
      create index agent_services_of_tenant on agent_services (tenant_id);
    `);
    for (const table of ['agents', 'agent_services']) {
      this.addSql(`
        alter table ${table} enable row level security;
        alter table ${table} force row level security;
        create policy platform on ${table} to app_platform using (true) with check (true);
        create policy tenant on ${table} to app
          using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
        grant select, insert, update, delete on ${table} to app, app_platform;
      `);
    }
  }
}
