import { createHash } from 'node:crypto';

/** What a leaf is given when its site does not say otherwise. */
export const LEAF_DEFAULTS = {
  localListen: '0.0.0.0:4222',
  monitorPort: 8222,
  jetstreamMaxMemoryBytes: 64 * 2 ** 20,
  jetstreamMaxFileBytes: 10 * 2 ** 30,
  jetstreamSyncAlways: true,
} as const;

/** Domain of a tenant's first site, as the specification has it. Two leaves of an account on one domain would answer for each other. */
export const FIRST_DOMAIN = 'edge';

/** The hub's own domain; a leaf that claims it would take the hub's requests. */
export const HUB_DOMAIN = 'hub';

/** Longest slug that leaves room for the prefix in a domain, which is a slug too. */
const ROOM = 63 - FIRST_DOMAIN.length - 1;

/** The domain of each further site that names none; where a long slug must be cut, its hash keeps it apart from others. */
export function furtherDomain(slug: string): string {
  if (slug.length <= ROOM) return `${FIRST_DOMAIN}-${slug}`;
  const hash = createHash('sha256').update(slug).digest('hex').slice(0, 8);
  return `${FIRST_DOMAIN}-${slug.slice(0, ROOM - hash.length - 1).replace(/-$/, '')}-${hash}`;
}

/** Slugs that stand for something else in certificates: `saas` is where collectors without a site are. */
export const RESERVED_SITE_SLUGS: ReadonlySet<string> = new Set(['saas']);
