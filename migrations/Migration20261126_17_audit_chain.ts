import { Migration } from '@mikro-orm/migrations';

/** What an audit row is hashed over, of the row that is called `row`. Fields are separated by their lengths: none can be taken for two. */
const FIELDS = (row: string) => `array[
  ${row}.id::text, ${row}.tenant_id::text, to_char(${row}.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ${row}.actor, ${row}.action,
  ${row}.subject_type, ${row}.subject_id::text, ${row}.request_id, ${row}.source_address, ${row}.outcome, ${row}.detail::text]`;

/** Only the owner's functions write here, which have its rights. The owner is no role that other policies let see rows. */
const policies = (table: string) => `
  alter table ${table} enable row level security;
  alter table ${table} force row level security;
  create policy owner on ${table} to current_user using (true) with check (true);
  create policy platform on ${table} for select to app_platform using (true);
  grant select on ${table} to app_platform;`;

/**
 * Audit rows get an outcome, and are chained, tenant by tenant: each row's hash is taken when it is written, and a seal binds it to all before
 * it soon after. Rows that are there already are sealed with the first run.
 */
export class Migration20261126_17_audit_chain extends Migration {
  override up(): void {
    this.addSql(`
      alter table audit_events add column outcome text not null default 'done' check (outcome in ('done', 'refused'));

      create table audit_unsealed (
        event_id uuid primary key,
        tenant_id uuid,
        row_hash bytea not null
      );

      create table audit_seals (
        event_id uuid not null constraint audit_seals_event_unique unique,
        tenant_id uuid,
        -- The tenant, or zeros for the platform.
        chain uuid not null generated always as (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000')) stored,
        sequence bigint not null check (sequence > 0),
        sealed_at timestamptz not null,
        row_hash bytea not null,
        hash bytea not null,
        primary key (chain, sequence)
      );
    `);
    this.addSql(policies('audit_unsealed'));
    this.addSql(policies('audit_seals'));
    this.addSql(`
      create policy tenant on audit_seals for select to app using (tenant_id = (select app_tenant_id()));
      grant select on audit_seals to app;

      create or replace function audit_hash(fields text[]) returns bytea language sql immutable parallel safe as $$
        select sha256(convert_to(string_agg(coalesce(octet_length(field) || ':' || field, '-'), ',' order by number), 'UTF8'))
          from unnest(fields) with ordinality as listed (field, number)
      $$;

      create or replace function audit_event_written() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
      begin
        insert into audit_unsealed (event_id, tenant_id, row_hash) select id, tenant_id, audit_hash(${FIELDS('written')}) from written;
        return null;
      end
      $$;
      -- Many are written in one statement, where many are given something to read at the same time.
      create trigger audit_event_written after insert on audit_events referencing new table as written for each statement execute function audit_event_written();

      -- Seals up to so many rows that have been committed, and answers with how many. One caller at a time does so.
      create or replace function seal_audit_events(most integer) returns integer language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        waiting record;
        at_chain uuid;
        at_sequence bigint;
        last_hash bytea;
        sealed_now timestamptz := clock_timestamp();
        sealed integer := 0;
      begin
        if not pg_try_advisory_xact_lock(7202611250) then return 0; end if;
        for waiting in
          with taken as (
            delete from audit_unsealed where event_id in (select event_id from audit_unsealed order by event_id limit most) returning *)
          select event_id, tenant_id, row_hash, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000') as chain from taken order by chain, event_id
        loop
          if at_chain is distinct from waiting.chain then
            at_chain := waiting.chain;
            select sequence, hash into at_sequence, last_hash from audit_seals where chain = at_chain order by sequence desc limit 1;
          end if;
          at_sequence := coalesce(at_sequence, 0) + 1;
          last_hash := audit_hash(array[
            encode(last_hash, 'hex'), at_chain::text, at_sequence::text, waiting.event_id::text,
            to_char(sealed_now at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), encode(waiting.row_hash, 'hex')]);
          insert into audit_seals (event_id, tenant_id, sequence, sealed_at, row_hash, hash)
          values (waiting.event_id, waiting.tenant_id, at_sequence, sealed_now, waiting.row_hash, last_hash);
          sealed := sealed + 1;
        end loop;
        return sealed;
      end
      $$;
      revoke all on function audit_event_written(), seal_audit_events(integer) from public;
      grant execute on function seal_audit_events(integer) to app_platform;

      alter table audit_events no force row level security;
      insert into audit_unsealed select id, tenant_id, audit_hash(${FIELDS('audit_events')}) from audit_events;
      alter table audit_events force row level security;
    `);
  }
}
