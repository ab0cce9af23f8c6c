import { Migration } from '@mikro-orm/migrations';

/** Sources that are kept out of a stream at the hub for a while. */
export class Migration20261126_33_resting_sources extends Migration {
  override up(): void {
    this.addSql(`
      alter table nats_leaf_servers
        add column resting_source jsonb,
        add column source_rests_until timestamptz,
        add check (source_rests_until is null or resting_source is not null);
    `);
  }
}
