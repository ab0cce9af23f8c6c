import { Migration } from '@mikro-orm/migrations';

/** What each site's leaf keeps; so far it was seven days for all of them. */
export class Migration20261126_5_buffer_settings extends Migration {
  override up(): void {
    this.addSql(`
      alter table edge_sites
        add column buffer_max_age integer not null default 604800 check (buffer_max_age > 0),
        add column buffer_max_bytes bigint check (buffer_max_bytes > 0),
        add column buffer_discard text not null default 'old' check (buffer_discard in ('old', 'new'));
    `);
  }
}
