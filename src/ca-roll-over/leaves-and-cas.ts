import type { Em } from '../platform/database/index.js';

export interface WaitingSite {
  id: string;
  slug: string;
  name: string;
}

/**
 * The sites whose leaf would refuse collectors with a certificate of the CA: it runs files from before. One that has never connected does not
 * count: the files that it is going to install have the CA.
 */
export function sitesWithout(em: Em, tenantId: string, caId: string): Promise<WaitingSite[]> {
  return em.execute<WaitingSite[]>(
    `select site.id, site.slug, site.name
       from nats_leaf_servers leaf join edge_sites site on site.id = leaf.edge_site_id
      where leaf.tenant_id = ? and leaf.installed_generation is not null and not ? = any (coalesce(leaf.installed_trusted_ca_ids, '{}'))
      order by site.slug`,
    [tenantId, caId],
  );
}

/** The sites whose leaf's newest generation another CA than the active one signed, or that does not trust all that are trusted. */
export async function sitesOfOtherCas(em: Em, tenantId: string): Promise<string[]> {
  const rows = await em.execute<{ edge_site_id: string }[]>(
    `select edge_site_id from nats_leaf_servers leaf
      where tenant_id = ? and status <> 'pending' and exists (
              select from tenant_cas ca
               where ca.tenant_id = leaf.tenant_id
                 and (ca.status = 'active' and ca.id is distinct from leaf.ca_id
                      or ca.status in ('active', 'next', 'retiring') and not ca.id::text = any (coalesce(leaf.trusted_ca_ids, '{}'))))
      order by id`,
    [tenantId],
  );
  return rows.map(({ edge_site_id }) => edge_site_id);
}
