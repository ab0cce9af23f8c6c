import { Migration } from '@mikro-orm/migrations';

/** What an audit row is hashed over, of the row that is called `row`. */
const FIELDS = (row: string) => `array[
  ${row}.id::text, ${row}.tenant_id::text, to_char(${row}.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ${row}.actor, ${row}.action,
  ${row}.subject_type, ${row}.subject_id::text, ${row}.request_id, ${row}.source_address, ${row}.outcome, ${row}.detail::text]`;

/** A seal binds all rows that are sealed together: one row and one hash for many. Rows that had a seal of their own are sealed anew with the first run. */
export class Migration20261126_18_seals_of_many extends Migration {
  override up(): void {
    this.addSql(`
      drop table audit_seals;
      create table audit_seals (
        tenant_id uuid,
        -- The tenant, or zeros for the platform.
        chain uuid not null generated always as (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000')) stored,
        sequence bigint not null check (sequence > 0),
        sealed_at timestamptz not null,
        -- The rows in their order, each with its hash.
        event_ids uuid[] not null check (cardinality(event_ids) > 0),
        row_hashes bytea[] not null check (cardinality(row_hashes) = cardinality(event_ids)),
        -- The latest time of these rows: where a row's seal is looked for.
        last_at timestamptz not null,
        hash bytea not null,
        primary key (chain, sequence)
      );
      create index audit_seals_by_time on audit_seals (chain, last_at);
      alter table audit_seals enable row level security;
      alter table audit_seals force row level security;
      create policy owner on audit_seals to current_user using (true) with check (true);
      create policy platform on audit_seals for select to app_platform using (true);
      create policy tenant on audit_seals for select to app using (tenant_id = (select app_tenant_id()));
      grant select on audit_seals to app, app_platform;

      -- It is written once and emptied at a time: an index would be kept up for nobody.
      drop table audit_unsealed;
      create table audit_unsealed (
        event_id uuid not null,
        tenant_id uuid,
        at timestamptz not null,
        row_hash bytea not null
      ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
      alter table audit_unsealed enable row level security;
      alter table audit_unsealed force row level security;
      create policy owner on audit_unsealed to current_user using (true) with check (true);
      create policy platform on audit_unsealed for select to app_platform using (true);
      grant select on audit_unsealed to app_platform;

      create or replace function audit_event_written() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
      begin
        insert into audit_unsealed (event_id, tenant_id, at, row_hash) select id, tenant_id, at, audit_hash(${FIELDS('written')}) from written;
        return null;
      end
      $$;

      -- Seals up to so many rows that have been committed, with one seal for each chain, and answers with how many rows. One caller at a time does so.
      create or replace function seal_audit_events(most integer) returns integer language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        batch record;
        before record;
        sealed_now timestamptz := clock_timestamp();
        sealed integer := 0;
      begin
        if not pg_try_advisory_xact_lock(7202611250) then return 0; end if;
        for batch in
          with taken as (
            delete from audit_unsealed where ctid = any (array(select ctid from audit_unsealed limit most)) returning *)
          select tenant_id, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000') as chain, max(at) as last_at,
                 array_agg(event_id order by event_id) as event_ids, array_agg(row_hash order by event_id) as row_hashes
            from taken group by tenant_id
        loop
          select sequence, hash into before from audit_seals where chain = batch.chain order by sequence desc limit 1;
          insert into audit_seals (tenant_id, sequence, sealed_at, event_ids, row_hashes, last_at, hash)
          values (batch.tenant_id, coalesce(before.sequence, 0) + 1, sealed_now, batch.event_ids, batch.row_hashes, batch.last_at, audit_hash(
            array[
              encode(before.hash, 'hex'), batch.chain::text, (coalesce(before.sequence, 0) + 1)::text,
              to_char(sealed_now at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            ] || batch.event_ids::text[] || array(select encode(of_row, 'hex') from unnest(batch.row_hashes) with ordinality as hashes (of_row, number) order by number)));
          sealed := sealed + cardinality(batch.event_ids);
        end loop;
        return sealed;
      end
      $$;

      alter table audit_events no force row level security;
      insert into audit_unsealed select id, tenant_id, at, audit_hash(${FIELDS('audit_events')}) from audit_events;
      alter table audit_events force row level security;
    `);
  }
}
