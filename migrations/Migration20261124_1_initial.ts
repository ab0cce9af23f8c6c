import { Migration } from '@mikro-orm/migrations';

/** Tables that belong to a tenant; each gets both policies. */
const TENANT_TABLES = [
  'api_keys',
  'audit_events',
  'certificates',
  'download_tokens',
  'edge_sites',
  'nats_accounts',
  'nats_leaf_servers',
  'nats_users',
  'tenant_cas',
];

/** Tables of the platform itself; a tenant's session sees none of their rows. */
const PLATFORM_TABLES = ['nats_operators', 'platform_cas'];

const policies = (table: string, tenantColumn?: string) => `
  alter table ${table} enable row level security;
  alter table ${table} force row level security;
  create policy platform on ${table} to app_platform using (true) with check (true);
  ${
    tenantColumn === undefined
      ? ''
      : `create policy tenant on ${table} to app
           using (${tenantColumn} = (select app_tenant_id())) with check (${tenantColumn} = (select app_tenant_id()));`
  }`;

/**
 * The first schema. The service connects as \`app\`, which owns nothing: row-level security shows it the tenant of
 * \`app.tenant_id\`, and a session that names none sees nothing. Work across tenants takes the role \`app_platform\`.
 */
export class Migration20261124_1_initial extends Migration {
  override up(): void {
    this.addSql(`
      create function app_tenant_id() returns uuid language sql stable parallel safe
        as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;

      create table tenants (
        id uuid primary key,
        slug text not null constraint tenants_slug_unique unique,
        name text not null,
        created_at timestamptz not null
      );

      create table platform_cas (
        id uuid primary key,
        kind text not null constraint platform_cas_kind_unique unique check (kind in ('root', 'services')),
        serial_number text not null,
        certificate_pem text not null,
        private_key_ciphertext text not null,
        not_after timestamptz not null,
        created_at timestamptz not null
      );

      create table tenant_cas (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        status text not null check (status in ('next', 'active', 'retiring', 'retired', 'revoked')),
        version integer not null default 1,
        serial_number text not null,
        certificate_pem text not null,
        private_key_ciphertext text not null,
        not_before timestamptz not null,
        not_after timestamptz not null,
        crl_number integer not null default 0,
        created_at timestamptz not null
      );
      create unique index tenant_cas_one_active on tenant_cas (tenant_id) where status = 'active';

      create table certificates (
        id uuid primary key,
        tenant_id uuid references tenants,
        issuer_id uuid not null,
        kind text not null,
        status text not null check (status in ('intended', 'issued', 'abandoned', 'revoked')),
        version integer not null default 1,
        serial_number text not null,
        common_name text,
        spiffe_id text,
        not_before timestamptz not null,
        not_after timestamptz not null,
        intent jsonb not null,
        certificate_pem text,
        revoked_at timestamptz,
        revocation_reason text,
        edge_site_id uuid,
        generation integer,
        collector_package_id uuid,
        created_at timestamptz not null,
        constraint certificates_serial_unique unique (issuer_id, serial_number),
        check (status <> 'issued' or certificate_pem is not null),
        check ((status = 'revoked') = (revoked_at is not null))
      );
      create index certificates_list on certificates (tenant_id, id desc);
      create index certificates_of_site on certificates (edge_site_id, generation);
      create index certificates_revoked on certificates (issuer_id) where status = 'revoked';

      create table nats_operators (
        id uuid primary key,
        singleton boolean not null default true constraint nats_operators_singleton unique check (singleton),
        public_key text not null,
        identity_seed_ciphertext text not null,
        signing_key text not null,
        signing_seed_ciphertext text not null,
        jwt text not null,
        system_account_key text not null,
        system_account_jwt text not null,
        system_account_seed_ciphertext text not null,
        created_at timestamptz not null
      );

      create table nats_accounts (
        id uuid primary key,
        tenant_id uuid not null constraint nats_accounts_tenant_unique unique references tenants,
        version integer not null default 1,
        public_key text not null constraint nats_accounts_key_unique unique,
        identity_seed_ciphertext text not null,
        signing_key text not null,
        signing_seed_ciphertext text not null,
        revocations jsonb not null,
        jwt text not null,
        jwt_revision integer not null,
        pushed_revision integer,
        pushed_at timestamptz,
        created_at timestamptz not null
      );
      create index nats_accounts_unpushed on nats_accounts (id) where pushed_revision is distinct from jwt_revision;

      create table nats_users (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        account_id uuid not null references nats_accounts,
        purpose text not null check (purpose in ('leaf', 'collector', 'person')),
        status text not null check (status in ('intended', 'issued', 'abandoned', 'revoked')),
        version integer not null default 1,
        name text not null,
        public_key text not null constraint nats_users_key_unique unique,
        publish jsonb not null,
        subscribe jsonb not null,
        expires_at timestamptz,
        revoked_at timestamptz,
        edge_site_id uuid,
        generation integer,
        created_at timestamptz not null,
        check ((status = 'revoked') = (revoked_at is not null))
      );
      create index nats_users_list on nats_users (tenant_id, id desc);
      create index nats_users_of_site on nats_users (edge_site_id, generation);

      create table edge_sites (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        status text not null check (status in ('pending', 'active', 'offline')),
        version integer not null default 1,
        name text not null,
        slug text not null,
        nats_leaf_url text,
        labels jsonb not null,
        server_sans jsonb not null,
        last_seen_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        constraint edge_sites_slug_unique unique (tenant_id, slug)
      );
      create index edge_sites_list on edge_sites (tenant_id, id desc);
      create index edge_sites_labels on edge_sites using gin (labels jsonb_path_ops);

      create table nats_leaf_servers (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        edge_site_id uuid not null constraint nats_leaf_servers_site_unique unique references edge_sites on delete cascade,
        status text not null check (status in ('pending', 'provisioned', 'connected', 'disconnected')),
        version integer not null default 1,
        upstream_url text not null,
        local_listen text not null,
        monitor_port integer not null check (monitor_port between 1 and 65535),
        jetstream_domain text not null,
        jetstream_max_memory_bytes bigint not null,
        jetstream_max_file_bytes bigint not null,
        jetstream_sync_always boolean not null,
        generation integer not null,
        provisioned_generation integer,
        provisioned_at timestamptz,
        config_checksum text,
        leaf_cert_pem text,
        leaf_key_pem_ciphertext text,
        server_cert_pem text,
        server_key_pem_ciphertext text,
        ca_chain_pem text,
        tenant_ca_pem text,
        creds_ciphertext text,
        cert_expires_at timestamptz,
        bundle_files jsonb,
        last_error text,
        connected_generation integer,
        link_id text,
        connected_at timestamptz,
        disconnected_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        constraint nats_leaf_servers_domain_unique unique (tenant_id, jetstream_domain)
      );
      create index nats_leaf_servers_pending on nats_leaf_servers (id) where status = 'pending';

      create table download_tokens (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        purpose text not null,
        object_id uuid not null,
        secret_hash text not null constraint download_tokens_hash_unique unique,
        expires_at timestamptz not null,
        used_at timestamptz,
        used_from text,
        created_by text not null,
        created_at timestamptz not null
      );
      create index download_tokens_of_object on download_tokens (object_id);

      create table api_keys (
        id uuid primary key,
        tenant_id uuid references tenants,
        name text not null,
        role text not null check (role in ('platform_admin', 'admin', 'operator', 'viewer')),
        key_id text not null constraint api_keys_key_id_unique unique,
        secret_hash text not null,
        expires_at timestamptz,
        last_used_at timestamptz,
        revoked_at timestamptz,
        created_by text not null,
        created_at timestamptz not null,
        check ((role = 'platform_admin') = (tenant_id is null))
      );
      create index api_keys_list on api_keys (tenant_id, id desc);

      create table audit_events (
        id uuid primary key,
        tenant_id uuid references tenants,
        at timestamptz not null,
        actor text not null,
        action text not null,
        subject_type text not null,
        subject_id uuid,
        request_id text,
        source_address text,
        detail jsonb not null
      );
      create index audit_events_list on audit_events (tenant_id, id desc);
    `);

    this.addSql(policies('tenants', 'id'));
    for (const table of TENANT_TABLES) this.addSql(policies(table, 'tenant_id'));
    for (const table of PLATFORM_TABLES) this.addSql(policies(table));

    this.addSql(`
      grant usage on schema public to app, app_platform;
      grant select, insert, update, delete on all tables in schema public to app_platform;
      grant select, insert, update, delete on ${TENANT_TABLES.join(', ')} to app;
      grant select on tenants to app;
      revoke update, delete, truncate on audit_events from app, app_platform;
      revoke all on mikro_orm_migrations from app, app_platform;
      grant select on mikro_orm_migrations to app, app_platform;
    `);
  }
}
