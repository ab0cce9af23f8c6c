import { Migration } from '@mikro-orm/migrations';

/** What sites report to run, and the checksum of the generation that they should run until they install the newest. */
export class Migration20261126_11_running_config extends Migration {
  override up(): void {
    this.addSql(`
      alter table nats_leaf_servers
        add column installed_checksum text,
        add column running_checksum text,
        add column drifted_since timestamptz;
      update nats_leaf_servers set installed_checksum = config_checksum where installed_generation = provisioned_generation;
    `);
  }
}
