import { Migration } from '@mikro-orm/migrations';

/** Which of the tenant's streams at the hub sources a site; so far it was `events` for all of them, and there they stay. */
export class Migration20261126_12_hub_shards extends Migration {
  override up(): void {
    this.addSql(`
      alter table nats_leaf_servers add column hub_shard integer check (hub_shard >= 0);
      update nats_leaf_servers set hub_shard = 0 where connected_at is not null;
    `);
  }
}
