import { Migration } from '@mikro-orm/migrations';

/** Which generation a leaf connected with last, and until when that one's certificates are good; the newest may not be installed yet. */
export class Migration20261126_10_installed_generation extends Migration {
  override up(): void {
    this.addSql(`
      alter table nats_leaf_servers
        add column installed_generation integer,
        add column installed_cert_expires_at timestamptz;
      update nats_leaf_servers
         set installed_generation = connected_generation,
             installed_cert_expires_at = case when connected_generation = provisioned_generation then cert_expires_at end
       where connected_generation is not null;
      create index nats_leaf_servers_expiring on nats_leaf_servers (cert_expires_at) where status <> 'pending';
    `);
  }
}
