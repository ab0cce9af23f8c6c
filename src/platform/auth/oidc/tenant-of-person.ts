import { DomainError, isId } from '#libs/kernel';
import { type Person, refusedPerson } from './person.js';

/** A tenant as it is on record. */
export interface KnownTenant {
  id: string;
  slug: string;
}

/** Of what a token holds, so much is repeated in a sentence. */
const MAX_SHOWN = 3;
const MAX_SHOWN_LENGTH = 63;

/** Whether somebody who names a tenant means this one: by its id when it looks like one, else by its slug. */
const isMeant = (named: string, { id, slug }: KnownTenant) => (isId(named) ? named.toLowerCase() === id : named === slug);

/**
 * Decides which tenant a person acts in.
 * @param named the header `X-Tenant`: slug or id
 * @param known those on record among the ones that token and header name
 * @returns null for a platform admin who named none
 * @throws DomainError `forbidden` when none of the token's is there; `not_found` for a named one that is not there or not the person's;
 *   `tenant_required` when several are the person's and none is named
 */
export function tenantOfPerson({ sub, role, tenants }: Person, named: string | undefined, known: readonly KnownTenant[]): string | null {
  const meant = named === undefined ? undefined : known.find((tenant) => isMeant(named, tenant));
  if (role === 'platform_admin') {
    if (named !== undefined && meant === undefined) throw notThere();
    return meant?.id ?? null;
  }
  const own = known.filter((tenant) => tenants.some((one) => isMeant(one, tenant)));
  const [first, ...more] = own;
  if (first === undefined) {
    const shown = tenants.slice(0, MAX_SHOWN).map((one) => JSON.stringify(one.slice(0, MAX_SHOWN_LENGTH)));
    const detail = `There is no tenant ${shown.join(' or ')}, which your access token names as yours.`;
    throw new DomainError('forbidden', detail, { context: refusedPerson(sub, 'unknown_tenant') });
  }
  if (named !== undefined) {
    if (meant !== undefined && own.includes(meant)) return meant.id;
    throw notThere(meant && refusedPerson(sub, 'foreign_tenant', more.length === 0 ? first.id : null));
  }
  if (more.length > 0) {
    const slugs = own.map(({ slug }) => slug).join(', ');
    throw new DomainError('tenant_required', `Several tenants are yours: put the slug or id of the one that this is about in the header X-Tenant (${slugs}).`);
  }
  return first.id;
}

/** As for API keys: whether there is another's, nobody is told. */
const notThere = (context?: Record<string, unknown>) => new DomainError('not_found', 'The tenant named in X-Tenant does not exist.', { context });
