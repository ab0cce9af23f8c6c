import { Migration } from '@mikro-orm/migrations';

/**
 * A tenant has a second NATS account, the control account, over which its leaves learn of revoked users, and each leaf a second user, in
 * that account. Only the service has keys: it makes what is missing when a leaf is provisioned.
 */
export class Migration20261126_2_control_accounts extends Migration {
  override up(): void {
    this.addSql(`
      alter table nats_accounts add column kind text not null default 'tenant' check (kind in ('tenant', 'control'));
      alter table nats_accounts drop constraint nats_accounts_tenant_unique;
      alter table nats_accounts add constraint nats_accounts_tenant_kind_unique unique (tenant_id, kind);

      alter table nats_users drop constraint nats_users_purpose_check;
      alter table nats_users add constraint nats_users_purpose_check
        check (purpose in ('leaf', 'leaf_control', 'collector', 'person', 'agent'));

      alter table nats_leaf_servers add column control_creds_ciphertext text;
    `);
  }
}
