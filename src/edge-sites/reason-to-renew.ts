import type { NatsLeafServer } from '#libs/model';
import { gainsByRenewal } from './expiring.js';

/** What a leaf's newest generation was made with. */
type Newest = Pick<NatsLeafServer, 'certExpiresAt' | 'caId' | 'trustedCaIds'>;

/** The CAs that the leaf's tenant has now. */
export interface CasOfTenant {
  active: { id: string; notAfter: Date };
  trustedCaIds: readonly string[];
}

/**
 * Decides whether a leaf needs another generation than its newest.
 * @returns why, as audit rows say it; undefined when it does not, or another one would gain nothing
 */
export function reasonToRenew({ certExpiresAt, caId, trustedCaIds }: Newest, { active, trustedCaIds: trusted }: CasOfTenant, now: Date) {
  if (!certExpiresAt) return undefined;
  if (caId !== active.id) return 'ca_replaced';
  // One that trusts a CA that has retired goes on: a new generation is work at the site, and what that CA signed has run out.
  if (!trusted.every((id) => trustedCaIds?.includes(id))) return 'ca_added';
  return gainsByRenewal(certExpiresAt, active, now) ? 'cert_expiring_soon' : undefined;
}
