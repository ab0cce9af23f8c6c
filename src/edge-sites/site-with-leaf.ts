import { LockMode } from '@mikro-orm/postgresql';
import type { Action, Subject } from '#libs/contracts';
import type { Health } from '#libs/health';
import { DomainError } from '#libs/kernel';
import { EdgeSite, NatsLeafServer, type SiteBuffer } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import type { Em, Where } from '../platform/database/index.js';

/** A site with its leaf; neither is ever without the other. */
export interface SiteWithLeaf {
  site: EdgeSite;
  leaf: NatsLeafServer;
}

/** And how it is doing. */
export interface SiteInHealth extends SiteWithLeaf {
  health: Health;
}

/** A site with its leaf, and what that held when it was last asked. */
export interface MeasuredSite extends SiteWithLeaf {
  buffer: SiteBuffer | undefined;
}

/**
 * The one way to both, and so to locking both: the leaf first, then its site, or two pieces of work wait for each other.
 *
 * @param where what else must hold of the site
 * @returns undefined when there is no such site
 */
export async function findSite(
  em: Em,
  id: string,
  { where = {}, lockMode = LockMode.NONE }: { where?: Where<EdgeSite>; lockMode?: LockMode.NONE | LockMode.PESSIMISTIC_WRITE },
): Promise<SiteWithLeaf | undefined> {
  const leaf = await em.findOne(NatsLeafServer, { edgeSiteId: id }, { lockMode });
  const site = leaf && (await em.findOne(EdgeSite, { $and: [where, { id }] } as Where<EdgeSite>, { lockMode }));
  return leaf && site ? { site, leaf } : undefined;
}

/** Several, each locked: all leaves and then their sites, by id, so that whoever else locks several takes turns. Those that are gone are left out. */
export async function lockSites(em: Em, ids: readonly string[]): Promise<SiteWithLeaf[]> {
  const lock = { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
  const leaves = await em.find(NatsLeafServer, { edgeSiteId: [...ids] }, lock);
  const sites = await em.find(EdgeSite, { id: leaves.map(({ edgeSiteId }) => edgeSiteId) }, lock);
  const siteOf = new Map(sites.map((site) => [site.id, site]));
  return leaves.map((leaf) => ({ leaf, site: siteOf.get(leaf.edgeSiteId)! }));
}

/**
 * A site that the caller may do this to, or to what is the site's.
 * @throws DomainError `not_found`, `forbidden`
 */
export async function loadSite(
  em: Em,
  caller: Caller,
  id: string,
  lockMode?: LockMode.PESSIMISTIC_WRITE,
  [action, subject]: readonly [Action, Subject] = ['read', 'EdgeSite'],
): Promise<SiteWithLeaf> {
  const found = await findSite(em, id, { where: caller.permittedSites(action, subject) as Where<EdgeSite>, lockMode });
  if (found === undefined) throw noSuchSite();
  return found;
}

export const noSuchSite = () => new DomainError('not_found', 'There is no such edge site.');
