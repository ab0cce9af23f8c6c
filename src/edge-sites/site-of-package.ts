import { LockMode } from '@mikro-orm/postgresql';
import { DomainError } from '#libs/kernel';
import { EdgeSite } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import type { Em, Where } from '../platform/database/index.js';

/**
 * The site that a package is made for. It cannot be deleted before the transaction ends.
 * @throws DomainError `not_found`
 */
export async function siteOfPackage(em: Em, caller: Caller, id: string): Promise<EdgeSite> {
  const where = { $and: [caller.readable('EdgeSite'), { id }] } as Where<EdgeSite>;
  const site = await em.findOne(EdgeSite, where, { lockMode: LockMode.PESSIMISTIC_READ });
  if (site === null) throw new DomainError('not_found', 'There is no such edge site.');
  return site;
}
