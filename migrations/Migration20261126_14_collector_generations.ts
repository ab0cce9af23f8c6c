import { Migration } from '@mikro-orm/migrations';

/** Collector packages are renewed: each has generations. All that there are so far are the first. */
export class Migration20261126_14_collector_generations extends Migration {
  override up(): void {
    this.addSql(`
      alter table collector_packages
        add column generation integer not null default 1,
        add column provisioned_generation integer not null default 1,
        add column downloaded_generation integer not null default 1,
        add column installed_generation integer not null default 1;
      create index collector_packages_renewing on collector_packages (id) where provisioned_generation < generation;
      create index collector_packages_expiring on collector_packages (cert_expires_at) where status in ('ready', 'downloaded', 'installed');
      create index collector_packages_reinstalled on collector_packages (id) where installed_generation < downloaded_generation;
    `);
  }
}
