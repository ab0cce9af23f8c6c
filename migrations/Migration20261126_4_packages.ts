import { Migration } from '@mikro-orm/migrations';

const policies = (table: string, tenantColumn?: string) => `
  alter table ${table} enable row level security;
  alter table ${table} force row level security;
  create policy platform on ${table} to app_platform using (true) with check (true);
  grant select, insert, update, delete on ${table} to app_platform;
  ${
    tenantColumn === undefined
      ? ''
      : `create policy tenant on ${table} to app
           using (${tenantColumn} = (select app_tenant_id())) with check (${tenantColumn} = (select app_tenant_id()));
         grant select, insert, update, delete on ${table} to app;`
  }`;

/** Collector packages, onboarding packages, and the key that signs the tokens they are fetched with. */
export class Migration20261126_4_packages extends Migration {
  override up(): void {
    this.addSql(`
      create table collector_packages (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        status text not null check (status in ('pending', 'provisioning', 'ready', 'downloaded', 'installed', 'failed', 'revoked')),
        version integer not null default 1,
        collector_type text not null check (collector_type in ('flowgger', 'trapd', 'netflow', 'sflow', 'otel', 'falcosidekick')),
        user_name text not null,
        site text,
        hostname text,
        -- A site goes with ?collectors=detach only: what was left then dials the hub.
        edge_site_id uuid references edge_sites on delete set null,
        config_overrides jsonb not null,
        attempt integer not null,
        last_error text,
        cert_pem text,
        ca_chain_pem text,
        key_pem_ciphertext text,
        creds_ciphertext text,
        cert_expires_at timestamptz,
        provisioned_at timestamptz,
        downloaded_nats_url text,
        downloaded_at timestamptz,
        installed_at timestamptz,
        revoked_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        constraint collector_packages_user_name_unique unique (tenant_id, user_name)
      );
      create index collector_packages_list on collector_packages (tenant_id, id desc);
      create index collector_packages_of_site on collector_packages (edge_site_id);
      create index collector_packages_pending on collector_packages (id) where status in ('pending', 'provisioning');

      create table onboarding_packages (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        status text not null check (status in ('issued', 'delivered', 'activated', 'expired', 'revoked')),
        version integer not null default 1,
        label text not null,
        component_type text not null check (component_type in ('gateway', 'agent', 'checker', 'sync')),
        component_id text not null,
        -- Gone with its site, of which it is a component; revoked before, so that what it was is still known.
        edge_site_id uuid references edge_sites on delete set null,
        cert_pem text not null,
        ca_chain_pem text not null,
        key_pem_ciphertext text not null,
        cert_expires_at timestamptz not null,
        expires_at timestamptz not null,
        delivered_at timestamptz,
        activated_at timestamptz,
        revoked_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null
      );
      create index onboarding_packages_list on onboarding_packages (tenant_id, id desc);
      create index onboarding_packages_of_site on onboarding_packages (edge_site_id);
      create index onboarding_packages_expiring on onboarding_packages (expires_at) where status in ('issued', 'delivered');
      -- One component has one package that is good.
      create unique index onboarding_packages_component_unique on onboarding_packages (edge_site_id, component_id)
        where status in ('issued', 'delivered', 'activated');

      create table enrollment_keys (
        id uuid primary key,
        public_key_pem text not null,
        private_key_ciphertext text not null,
        created_at timestamptz not null
      );

      alter table certificates add column onboarding_package_id uuid;
      create index certificates_of_collector on certificates (collector_package_id) where collector_package_id is not null;
      create index certificates_of_component on certificates (onboarding_package_id) where onboarding_package_id is not null;
      alter table nats_users add column collector_package_id uuid;
      create index nats_users_of_collector on nats_users (collector_package_id) where collector_package_id is not null;
      create index audit_events_of_subject on audit_events (subject_id, id desc);
    `);
    this.addSql(policies('collector_packages', 'tenant_id'));
    this.addSql(policies('onboarding_packages', 'tenant_id'));
    this.addSql(policies('enrollment_keys'));
  }
}
