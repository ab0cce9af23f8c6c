import { Migration } from '@mikro-orm/migrations';

/** What was answered to requests that may come again, and how often what people change was changed. */
export class Migration20261126_21_repeated_and_stale extends Migration {
  override up(): void {
    this.addSql(`
      create table idempotency_keys (
        id uuid primary key,
        -- The tenant acted in; null for the platform.
        tenant_id uuid references tenants,
        version integer not null default 1,
        actor text not null,
        operation text not null,
        key text not null check (length(key) between 1 and 255),
        fingerprint text not null,
        claimed_until timestamptz not null,
        done_at timestamptz,
        subject_type text,
        subject_id uuid,
        answer_ciphertext text,
        expires_at timestamptz not null,
        constraint idempotency_keys_unique unique nulls not distinct (tenant_id, actor, operation, key)
      );
      create index idempotency_keys_over on idempotency_keys (expires_at);

      alter table idempotency_keys enable row level security;
      alter table idempotency_keys force row level security;
      create policy platform on idempotency_keys to app_platform using (true) with check (true);
      create policy tenant on idempotency_keys to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      grant select, insert, update, delete on idempotency_keys to app, app_platform;

      alter table edge_sites add column settings_version integer not null default 1;
      alter table tenant_streams add column settings_version integer not null default 1;
    `);
  }
}
