import { Migration } from '@mikro-orm/migrations';

/** Accounts' signing keys are rotated: what signed each user is on record, and an account may list several keys. */
export class Migration20261126_15_account_keys extends Migration {
  override up(): void {
    this.addSql(`
      create table nats_account_keys (
        id uuid primary key,
        tenant_id uuid not null references tenants,
        -- A new account and its key are inserted in one transaction, in no certain order.
        account_id uuid not null references nats_accounts deferrable initially deferred,
        status text not null check (status in ('next', 'active', 'retiring', 'retired')),
        version integer not null default 1,
        public_key text not null constraint nats_account_keys_key_unique unique,
        seed_ciphertext text,
        listed_revision integer not null,
        status_since timestamptz not null,
        created_at timestamptz not null,
        check ((status = 'next') = (seed_ciphertext is not null))
      );
      create index nats_account_keys_list on nats_account_keys (tenant_id, id desc);
      create unique index nats_account_keys_one_each on nats_account_keys (account_id, status) where status <> 'retired';
      create index nats_account_keys_rotating on nats_account_keys (id) where status in ('next', 'retiring');

      alter table nats_account_keys enable row level security;
      create policy platform on nats_account_keys to app_platform using (true) with check (true);
      create policy tenant on nats_account_keys to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      grant select, insert, update, delete on nats_account_keys to app_platform, app;

      -- Forced, it would show the owner, who is nobody's tenant, no rows.
      alter table nats_accounts no force row level security;
      alter table nats_users no force row level security;
      insert into nats_account_keys (id, tenant_id, account_id, status, public_key, listed_revision, status_since, created_at)
        select id, tenant_id, id, 'active', signing_key, 1, created_at, created_at from nats_accounts;
      set constraints all immediate;

      -- What the account's JWT lists beside signing_key, which signs.
      alter table nats_accounts add column other_signing_keys jsonb not null default '[]';

      alter table nats_users add column signing_key text;
      update nats_users set signing_key = account.signing_key from nats_accounts account where account.id = nats_users.account_id;
      alter table nats_account_keys force row level security;
      alter table nats_accounts force row level security;
      alter table nats_users force row level security;
      create index nats_users_signed on nats_users (signing_key) where status in ('intended', 'issued');
    `);
  }
}
