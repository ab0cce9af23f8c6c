import type { JWTPayload } from 'jose';
import { type Role, ROLES } from '#libs/contracts';
import { DomainError, isName } from '#libs/kernel';
import type { OidcConfig } from '../../config/index.js';

/** Whoever a token of the issuer's is about, as far as its claims say. */
export interface Person {
  /** The claim `sub`: who it is, to the issuer. */
  sub: string;
  /** For people to read. */
  name: string;
  role: Role;
  /** Slugs and ids that the token names, whether there are such tenants or not. Empty for a platform admin only. */
  tenants: readonly string[];
}

/** Why somebody does not get in whose token the issuer has signed; stands in the audit trail. */
export type PersonRefusal =
  | 'expired'
  | 'wrong_audience'
  | 'wrong_claims'
  | 'not_an_access_token'
  | 'no_role'
  | 'no_tenant'
  | 'unknown_tenant'
  | 'foreign_tenant'
  | 'platform_admin_of_tenant';

/** In the context of an error, when the issuer has signed for who it was. */
export interface RefusedPerson {
  sub: string;
  /** The person's own, when it is known and the only one. */
  tenantId: string | null;
  reason: PersonRefusal;
}

export const refusedPerson = (sub: string, reason: PersonRefusal, tenantId: string | null = null) => ({
  refusedPerson: { sub, tenantId, reason } satisfies RefusedPerson,
});

/** OpenID Connect Core 1.0, section 2: at most 255 ASCII characters. The printable ones, as it stands in audit rows. */
export const isSubject = (sub: unknown): sub is string => typeof sub === 'string' && /^[ -~]{1,255}$/.test(sub);

type Claims = Record<string, unknown>;

/**
 * Reads role and tenants from the claims of a token that was verified.
 * @throws DomainError `forbidden` when they give none
 */
export function personOf(claims: JWTPayload & { sub: string }, rules: OidcConfig): Person {
  const { sub } = claims;
  const roles = new Set(textsIn(claimAt(claims, rules.rolesClaim)).flatMap((value) => rules.roles.find((one) => one.value === value)?.role ?? []));
  // The list of roles begins with the one that may do most.
  const role = ROLES.find((one) => roles.has(one));
  if (role === undefined) {
    throw refusal(sub, 'no_role', `Your access token gives you no role here: its claim "${rules.rolesClaim}" holds no value that stands for one.`);
  }
  const tenants = textsIn(claimAt(claims, rules.tenantClaim));
  if (role === 'platform_admin' && tenants.length > 0) {
    const detail = `Your access token makes you a platform admin and names a tenant in "${rules.tenantClaim}". A platform admin belongs to none: one of the two must go.`;
    throw refusal(sub, 'platform_admin_of_tenant', detail);
  }
  if (role !== 'platform_admin' && tenants.length === 0) {
    throw refusal(sub, 'no_tenant', `Your access token names no tenant: its claim "${rules.tenantClaim}" must hold the slug or id of yours.`);
  }
  return { sub, name: nameIn(claims) ?? sub, role, tenants };
}

const refusal = (sub: string, reason: PersonRefusal, detail: string) => new DomainError('forbidden', detail, { context: refusedPerson(sub, reason) });

/**
 * The claim of a name, or of a path of names with dots between. Names may hold dots themselves (`https://edge.example/roles`, the client
 * `edge.api` in `resource_access.edge.api.roles`): the longest that is there is taken.
 */
export function claimAt(claims: unknown, path: string): unknown {
  if (!isObject(claims)) return undefined;
  if (Object.hasOwn(claims, path)) return claims[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const name = path.slice(0, dot);
    if (Object.hasOwn(claims, name)) return claimAt(claims[name], path.slice(dot + 1));
  }
  return undefined;
}

const isObject = (value: unknown): value is Claims => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text, or a list of them; each once, empty ones and whatever else is there left out. */
function textsIn(claim: unknown): string[] {
  const values: unknown[] = Array.isArray(claim) ? claim : [claim];
  return [...new Set(values.filter((value): value is string => typeof value === 'string' && value !== ''))];
}

/** The first that may be shown as a name. */
function nameIn(claims: Claims): string | undefined {
  return [claims.name, claims.preferred_username, claims.email].find((value): value is string => typeof value === 'string' && isName(value));
}
