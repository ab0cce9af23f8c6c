import { Migration } from '@mikro-orm/migrations';

/**
 * Several signing keys of the operator, so that one can take over from another. The first one is moved here by the next start of the service,
 * as a ciphertext opens in its own place only; until it retires, it stays where processes from before look for it.
 */
export class Migration20261126_16_operator_keys extends Migration {
  override up(): void {
    this.addSql(`
      create table nats_operator_keys (
        id uuid primary key,
        status text not null check (status in ('next', 'active', 'retiring', 'retired')),
        version integer not null default 1,
        public_key text not null constraint nats_operator_keys_key_unique unique,
        seed_ciphertext text,
        since_revision integer not null,
        created_at timestamptz not null,
        activated_at timestamptz,
        retired_at timestamptz,
        check ((seed_ciphertext is null) = (status = 'retired'))
      );
      create unique index nats_operator_keys_one_each on nats_operator_keys (status) where status <> 'retired';
      alter table nats_operator_keys enable row level security;
      alter table nats_operator_keys force row level security;
      create policy platform on nats_operator_keys to app_platform using (true) with check (true);
      grant select, insert, update, delete on nats_operator_keys to app_platform;

      alter table nats_operators
        alter column signing_key drop not null,
        alter column signing_seed_ciphertext drop not null,
        add column version integer not null default 1,
        add column jwt_revision integer not null default 1,
        add column hub_signing_keys jsonb;
      -- Whoever signs in a tenant's session sees whether the keys that it has are still the ones, and nothing else.
      create policy version on nats_operators for select to app using (true);
      grant select (version) on nats_operators to app;

      alter table nats_accounts add column signed_by text;
      alter table nats_users add column operator_revision integer;
      -- Row-level security is forced upon the owner, too, which no policy lets see a row.
      alter table nats_operators no force row level security;
      alter table nats_accounts no force row level security;
      alter table nats_users no force row level security;
      update nats_accounts set signed_by = (select signing_key from nats_operators);
      update nats_users set operator_revision = 1 where purpose in ('leaf', 'leaf_control') and status <> 'intended';
      alter table nats_operators force row level security;
      alter table nats_accounts force row level security;
      alter table nats_users force row level security;
    `);
  }
}
