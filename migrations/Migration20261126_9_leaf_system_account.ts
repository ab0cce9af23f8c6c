import { Migration } from '@mikro-orm/migrations';

/** One system account for the servers of all leaves. The next start of the service makes it. */
export class Migration20261126_9_leaf_system_account extends Migration {
  override up(): void {
    this.addSql(`
      alter table nats_operators add column leaf_system_account_key text;
      alter table nats_operators add column leaf_system_account_jwt text;
    `);
  }
}
