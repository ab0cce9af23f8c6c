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

/** The domain of each further site that names none. */
export const furtherDomain = (slug: string): string => `${FIRST_DOMAIN}-${slug}`;

/** Slugs that stand for something else in certificates: `saas` is where collectors without a site are. */
export const RESERVED_SITE_SLUGS: ReadonlySet<string> = new Set(['saas']);
