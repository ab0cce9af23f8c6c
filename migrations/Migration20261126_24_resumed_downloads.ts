import { Migration } from '@mikro-orm/migrations';

/** Whoever used a download token may start over when the connection broke: what the use is known by. */
export class Migration20261126_24_resumed_downloads extends Migration {
  override up(): void {
    this.addSql(`
      alter table download_tokens
        add column attempt_hash text,
        add column used_generation integer;
    `);
  }
}
