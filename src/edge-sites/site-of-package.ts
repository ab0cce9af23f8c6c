import { LockMode } from '@mikro-orm/postgresql';
import { DomainError } from '#libs/kernel';
import { EdgeSite } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import type { Em, Where } from '../platform/database/index.js';

/**
 * The site that a package or a check is made for. It can be neither deleted nor labelled otherwise before the transaction ends.
 * @throws DomainError `not_found`, `forbidden`
 */
export async function siteOfPackage(em: Em, caller: Caller, id: string, subject: 'CollectorPackage' | 'OnboardingPackage' | 'Check'): Promise<EdgeSite> {
  const where = { $and: [caller.permittedSites('create', subject), { id }] } as Where<EdgeSite>;
  const site = await em.findOne(EdgeSite, where, { lockMode: LockMode.PESSIMISTIC_READ });
  if (site === null) throw new DomainError('not_found', 'There is no such edge site.');
  return site;
}
