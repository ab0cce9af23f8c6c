import { Migration } from '@mikro-orm/migrations';

/** Collectors that were downloaded and not seen yet are looked for every few seconds. */
export class Migration20261126_8_expected_collectors extends Migration {
  override up(): void {
    this.addSql(`create index collector_packages_expected on collector_packages (id) where status = 'downloaded'`);
  }
}
