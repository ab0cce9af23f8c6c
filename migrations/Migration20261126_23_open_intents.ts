import { Migration } from '@mikro-orm/migrations';

/** Intents that nobody completes are found by their age. There are few at a time. */
export class Migration20261126_23_open_intents extends Migration {
  override up(): void {
    this.addSql(`
      create index certificates_intended on certificates (created_at) where status = 'intended';
      create index nats_users_intended on nats_users (created_at) where status = 'intended';
    `);
  }
}
