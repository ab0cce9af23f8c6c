import { DomainError } from '#libs/kernel';

/** The sealed bundle of a site's leaf. */
export interface LeafBundle {
  siteId: string;
  tenantId: string;
  slug: string;
  leafId: string;
  generation: number;
  bundleCiphertext: Buffer;
}

interface Row extends Omit<LeafBundle, 'bundleCiphertext'> {
  status: string;
  /** The generation that should be; `generation` is the one that is there. */
  wantedGeneration: number;
  lastError: string | null;
  bundleCiphertext: Buffer | null;
}

type Query = (sql: string, values: readonly unknown[]) => Promise<Row[]>;

/** Only what a download takes: of the rest of a leaf's row it would decode twenty kilobytes in vain. */
const FIND = `
  select site.id as "siteId", site.tenant_id as "tenantId", site.slug,
         leaf.id as "leafId", leaf.status, leaf.generation as "wantedGeneration", leaf.last_error as "lastError",
         leaf.provisioned_generation as "generation", leaf.bundle_ciphertext as "bundleCiphertext"
    from edge_sites site join nats_leaf_servers leaf on leaf.edge_site_id = site.id
   where site.tenant_id = ? and site.id in (?)`;

/** @returns what finds the bundle of one of the sites, or throws DomainError `not_found` or `not_provisioned` */
export async function findLeafBundles(query: Query, tenantId: string, siteIds: readonly string[]): Promise<(siteId: string) => LeafBundle> {
  const rows = new Map((await query(FIND, [tenantId, siteIds])).map((row) => [row.siteId, row]));
  return (siteId) => {
    const row = rows.get(siteId);
    if (row === undefined) throw noEdgeSite();
    const { status, bundleCiphertext, wantedGeneration, lastError } = row;
    if (status === 'pending' || bundleCiphertext === null) {
      const why = lastError ?? 'It is being provisioned: try again in a few seconds.';
      throw new DomainError('not_provisioned', `Generation ${wantedGeneration} of the leaf has no bundle yet. ${why}`);
    }
    return { ...row, bundleCiphertext };
  };
}

export const noEdgeSite = () => new DomainError('not_found', 'There is no such edge site.');
