import { Migration } from '@mikro-orm/migrations';

/** Checks whose findings go into the tenant's stream, too. */
export class Migration20261126_34_published_checks extends Migration {
  override up(): void {
    this.addSql('alter table checks add column publish_results boolean not null default false');
  }
}
