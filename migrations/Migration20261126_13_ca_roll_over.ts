import { Migration } from '@mikro-orm/migrations';

/** Which CA signed a leaf's newest generation, and which CAs it trusts: until now, each was the one that the tenant had. */
export class Migration20261126_13_ca_roll_over extends Migration {
  override up(): void {
    this.addSql(`
      create unique index tenant_cas_one_next on tenant_cas (tenant_id) where status = 'next';
      alter table nats_leaf_servers
        add column ca_id uuid,
        add column trusted_ca_ids text[],
        add column installed_trusted_ca_ids text[];
      update nats_leaf_servers leaf
         set ca_id = ca.id,
             trusted_ca_ids = array[ca.id::text],
             installed_trusted_ca_ids = case when leaf.installed_generation is not null then array[ca.id::text] end
        from tenant_cas ca
       where ca.tenant_id = leaf.tenant_id and ca.status = 'active' and leaf.provisioned_generation is not null;
    `);
  }
}
