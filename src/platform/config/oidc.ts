import { type Role, ROLES } from '#libs/contracts';
import { isSecureUrl } from '../validation/index.js';
import type { OidcConfig } from './config.js';
import { type Environment, type Format, oneOf, Refusal, url } from './environment.js';

const VARIABLES = ['OIDC_AUDIENCE', 'OIDC_ROLES', 'OIDC_ROLES_CLAIM', 'OIDC_TENANT_CLAIM'] as const;
const REQUIRED = ['OIDC_AUDIENCE', 'OIDC_ROLES'] as const;

const MAX_LENGTH = 255;

/** Reads `OIDC_*`, and refuses half of it. Undefined without `OIDC_ISSUER`. */
export function oidcFrom(environment: Environment): OidcConfig | undefined {
  const issuer = environment.read('OIDC_ISSUER', issuerUrl);
  const audience = environment.read('OIDC_AUDIENCE', name);
  const roles = environment.read('OIDC_ROLES', roleMapping);
  const rolesClaim = environment.read('OIDC_ROLES_CLAIM', name) ?? 'roles';
  const tenantClaim = environment.read('OIDC_TENANT_CLAIM', name) ?? 'tenant';
  refuseHalves(environment);
  if (issuer === undefined || audience === undefined || roles === undefined) return undefined;
  return { issuer, audience, roles, rolesClaim, tenantClaim };
}

function refuseHalves(environment: Environment): void {
  if (environment.has('OIDC_ISSUER')) {
    for (const required of REQUIRED) {
      if (!environment.has(required)) environment.refuse(required, 'is required with OIDC_ISSUER');
    }
  } else {
    for (const variable of VARIABLES) {
      if (environment.has(variable)) environment.refuse(variable, 'means nothing without OIDC_ISSUER');
    }
  }
}

/** As it stands in tokens, to the character (OpenID Connect Core 1.0, section 2, `iss`): so it is checked, and not normalised. */
const issuerUrl: Format<string> = (text) => {
  const { username, password, search, hash } = url('https', 'http')(text);
  if (username || password || search || hash) throw new Refusal('must hold no user name, password, query or fragment');
  if (!isSecureUrl(text)) throw new Refusal('must start with https://, or be on a loopback address');
  return text;
};

const name: Format<string> = (text) => {
  if (text.length > MAX_LENGTH || /\p{Cc}/u.test(text)) throw new Refusal(`must be at most ${MAX_LENGTH} characters, none of them a control character`);
  return text;
};

/** `<value>=<role>`, separated by commas. The value may hold `=`: the role is behind the last one. */
const roleMapping: Format<readonly { value: string; role: Role }[]> = (text) => {
  const mapping = text.split(',').map((entry) => {
    const [, value, role] = /^([^,]+)=([^=,]*)$/.exec(entry.trim()) ?? [];
    if (value === undefined || role === undefined) throw new Refusal('must be <value>=<role> entries separated by commas, such as edge-admins=admin');
    return { value: name(value.trim()), role: oneOf(ROLES)(role.trim()) };
  });
  if (new Set(mapping.map(({ value }) => value)).size < mapping.length) throw new Refusal('gives a value two roles');
  return mapping;
};
