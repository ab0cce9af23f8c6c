import { DomainError, isSlug } from '#libs/kernel';

/** The one trust domain of the platform (SPIFFE-ID, section 2.1). */
export const TRUST_DOMAIN = 'serviceradar.local';

/** What stands in place of a site for a collector that belongs to none and publishes straight to the hub. */
export const NO_SITE = 'saas';

/** Who a certificate speaks for. `tenant`, `site` and `name` are slugs; `agentId` is any SPIFFE path segment. */
export type SpiffeIdentity =
  | { readonly kind: 'nats_leaf'; readonly tenant: string; readonly site: string }
  | { readonly kind: 'collector'; readonly tenant: string; readonly site: string; readonly name: string }
  | { readonly kind: 'agent'; readonly tenant: string; readonly site: string; readonly agentId: string }
  | { readonly kind: 'service'; readonly name: string };

/** Who a certificate of a tenant's CA speaks for. */
export type TenantIdentity = Exclude<SpiffeIdentity, { kind: 'service' }>;

const PREFIX = `spiffe://${TRUST_DOMAIN}/`;

// SPIFFE-ID, section 2.2: letters, digits, dot, hyphen and underscore, but neither `.` nor `..`. 63 as for the slugs beside it.
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,63}$/;

/**
 * The SPIFFE ID of an identity, such as `spiffe://serviceradar.local/nats_leaf/acme/nyc/leaf`.
 * @throws DomainError `profile_violation` when a part of it is not what `SpiffeIdentity` says.
 */
export function formatSpiffeId(identity: SpiffeIdentity): string {
  if (!isIdentity(identity)) {
    throw new DomainError('profile_violation', `This identity has a part that a SPIFFE ID cannot carry: ${JSON.stringify(identity)}.`);
  }
  return PREFIX + segmentsOf(identity).join('/');
}

/**
 * Reads a SPIFFE ID of the trust domain. Exactly what `formatSpiffeId` writes is read; anything else, down to a trailing slash,
 * another case or a percent sign, is undefined.
 */
export function parseSpiffeId(text: string): SpiffeIdentity | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const [kind = '', first = '', second = '', third = '', ...rest] = text.slice(PREFIX.length).split('/');
  const identity = identityOf(kind, first, second, third);
  return identity && rest.length === 0 && isIdentity(identity) && formatSpiffeId(identity) === text ? identity : undefined;
}

function identityOf(kind: string, first: string, second: string, third: string): SpiffeIdentity | undefined {
  switch (kind) {
    case 'nats_leaf':
      return { kind, tenant: first, site: second };
    case 'collector':
      return { kind, tenant: first, site: second, name: third };
    case 'agent':
      return { kind, tenant: first, site: second, agentId: third };
    case 'service':
      return { kind, name: first };
    default:
      return undefined;
  }
}

function segmentsOf(identity: SpiffeIdentity): string[] {
  switch (identity.kind) {
    case 'nats_leaf':
      return [identity.kind, identity.tenant, identity.site, 'leaf'];
    case 'collector':
      return [identity.kind, identity.tenant, identity.site, identity.name];
    case 'agent':
      return [identity.kind, identity.tenant, identity.site, identity.agentId];
    case 'service':
      return [identity.kind, identity.name];
  }
}

function isIdentity(identity: SpiffeIdentity): boolean {
  if (identity.kind === 'service') return isSlug(identity.name);
  if (!isSlug(identity.tenant) || !isSlug(identity.site)) return false;
  if (identity.kind === 'collector') return isSlug(identity.name);
  return identity.kind !== 'agent' || SEGMENT.test(identity.agentId);
}
