import { Migration } from '@mikro-orm/migrations';

/** Who has called how often in the minute that runs. Not logged: what a crash of the server loses of it was over within a minute. */
export class Migration20261126_22_rate_limits extends Migration {
  override up(): void {
    this.addSql(`
      create unlogged table rate_limits (
        -- What is counted, and for whom: key:<id>, address:<address>.
        bucket text primary key,
        used bigint not null,
        ends_at timestamptz not null
      );

      alter table rate_limits enable row level security;
      alter table rate_limits force row level security;
      create policy platform on rate_limits to app_platform using (true) with check (true);
      grant select, insert, update, delete on rate_limits to app_platform;
    `);
  }
}
