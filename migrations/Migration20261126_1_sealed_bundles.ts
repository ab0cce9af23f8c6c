import { Migration } from '@mikro-orm/migrations';

/**
 * The archive of a bundle is kept as it is downloaded, sealed, in place of the texts that it was packed of. Only the service can seal: what was
 * provisioned before is provisioned anew, as the next generation, and stays in use until that has connected.
 */
export class Migration20261126_1_sealed_bundles extends Migration {
  override up(): void {
    this.addSql(`
      alter table nats_leaf_servers drop column bundle_files, add column bundle_ciphertext bytea;
      alter table nats_leaf_servers alter column bundle_ciphertext set storage external;
      -- The owner, who migrates, is no role that a policy lets see rows.
      alter table nats_leaf_servers no force row level security;
      update nats_leaf_servers set status = 'pending', generation = generation + 1, last_error = null where status <> 'pending';
      alter table nats_leaf_servers force row level security;
    `);
  }
}
