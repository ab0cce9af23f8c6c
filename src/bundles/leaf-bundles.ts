import { DomainError } from '#libs/kernel';

/** The sealed bundle of a site's leaf. */
export interface LeafBundle {
  slug: string;
  leafId: string;
  tenantId: string;
  generation: number;
  bundleCiphertext: Buffer;
}

/** What `FIND_LEAF_BUNDLES` tells of a site. */
export interface LeafBundleRow extends Omit<LeafBundle, 'bundleCiphertext'> {
  /** The site. */
  subjectId: string;
  status: string;
  /** The generation that should be; `generation` is the one that is there. */
  wantedGeneration: number;
  lastError: string | null;
  /** Of the row: as long as it is the same, so is the archive. */
  version: string;
  /** Null also when it need not be read. */
  bundleCiphertext: Buffer | null;
}

/** The leaf and the transaction that wrote its row last (PostgreSQL, "System Columns"): whoever changes the row, changes this. */
const VERSION = `leaf.id::text || ':' || leaf.xmin::text`;

/**
 * Finds the leaves of sites of a tenant, in the manner of `Audit.readAll`. Only what a download takes: of the rest of a leaf's row it would
 * decode twenty kilobytes in vain. Values: the versions of bundles that need not be read, with commas in between; the tenant's
 * id, the sites' ids, and as JSON the labels that they have to have.
 */
export const FIND_LEAF_BUNDLES = `
  select site.id as "subjectId", site.slug,
         leaf.id as "leafId", leaf.tenant_id as "tenantId", leaf.status, leaf.generation as "wantedGeneration", leaf.last_error as "lastError",
         leaf.provisioned_generation as "generation",
         ${VERSION} as "version",
         case when ${VERSION} = any (string_to_array(?, ',')) then null else leaf.bundle_ciphertext end as "bundleCiphertext",
         leaf.status <> 'pending' and leaf.bundle_ciphertext is not null as "isGiven",
         jsonb_build_object('generation', leaf.provisioned_generation) as "auditDetail"
    from edge_sites site join nats_leaf_servers leaf on leaf.edge_site_id = site.id
   where site.tenant_id = ? and site.id in (?) and site.labels @> ?::jsonb`;

/**
 * @param row of the site; undefined when there was none
 * @throws DomainError `not_found`, `not_provisioned`
 */
export function leafBundleOf(row: LeafBundleRow | undefined): LeafBundle {
  if (row === undefined) throw noEdgeSite();
  const { status, bundleCiphertext, wantedGeneration, lastError } = row;
  if (status === 'pending' || bundleCiphertext === null) {
    const why = lastError ?? 'It is being provisioned: try again in a few seconds.';
    throw new DomainError('not_provisioned', `Generation ${wantedGeneration} of the leaf has no bundle yet. ${why}`);
  }
  return { ...row, bundleCiphertext };
}

export const noEdgeSite = () => new DomainError('not_found', 'There is no such edge site.');
