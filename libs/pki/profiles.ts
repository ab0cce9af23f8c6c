import { type Clock, DomainError, isSlug, type Random } from '#libs/kernel';
import { canonicalHost, type HostNames, sortHosts } from './hosts.js';
import type { CertificateIntent, CertificateKind, ExtendedKeyUsage } from './intent.js';
import { formatSpiffeId, NO_SITE, type TenantIdentity, TRUST_DOMAIN } from './spiffe.js';

export interface PlanContext {
  clock: Clock;
  random: Random;
}

interface IssuedBelow {
  /** The CA that is going to sign. */
  issuer: { readonly notAfter: Date };
  /** Where the issuer's CRL is fetched: an http or https URL. */
  crlUrl?: string;
}

interface NamesHosts {
  /** Hosts of the platform's own services, which no tenant's certificate may name: everybody trusts the root. */
  reservedHosts?: readonly string[];
}

export interface TenantCaProfile extends IssuedBelow {
  tenant: string;
}

export interface LeafProfile extends IssuedBelow {
  tenant: string;
  site: string;
}

export interface LeafListenerProfile extends LeafProfile, NamesHosts {
  /** DNS names and IP addresses that clients dial beside the listener's own name and loopback: the host of `nats_leaf_url`, the extra hosts of the site. */
  hosts: readonly string[];
}

export interface CollectorProfile extends IssuedBelow, NamesHosts {
  tenant: string;
  /** Undefined for a collector that belongs to no site. */
  site?: string;
  name: string;
  hostname?: string;
}

export interface AgentProfile extends LeafProfile {
  agentId: string;
}

export type PlatformService = 'nats-hub' | 'agent-gateway' | 'control-plane';

export interface ServiceProfile extends IssuedBelow {
  service: PlatformService;
  /** DNS names and IP addresses that it is reached by; at least one. */
  hosts: readonly string[];
}

/** The organization of the platform's own CAs and services. No slug, so that no tenant can have it. */
export const PLATFORM_ORGANIZATION = 'ServiceRadar Platform';

const NAME_SUFFIX = 'serviceradar';

/** RFC 5280, appendix A.1: ub-common-name. */
const COMMON_NAME_MAX_LENGTH = 64;

/** Above it a certificate outgrows what TLS stacks accept in a handshake. */
const HOSTS_MAX = 100;

/** Sites have clocks of their own, and one that is an hour slow, as by a time zone, has to take what was issued just now. In milliseconds. */
const BACKDATED_MS = 2 * 60 * 60 * 1000;
const DAY_MS = 86_400_000;
const END_ENTITY_YEARS = 1;
const CA_YEARS = 10;
const ROOT_YEARS = 20;

// Names of a site's own certificates: a collector of that name would get a certificate that passes for the leaf's listener.
const RESERVED_COLLECTOR_NAMES = ['leaf', 'nats-server', 'agent'];

const NO_HOSTS: HostNames = { dnsNames: [], ipAddresses: [] };

/** The self-signed root, for 20 years. Production imports its own. */
export function planRootCa(context: PlanContext): CertificateIntent {
  return plan({ kind: 'root_ca', organization: PLATFORM_ORGANIZATION, name: `root.ca.${NAME_SUFFIX}`, years: ROOT_YEARS }, undefined, context);
}

/** The CA under the root that signs the hub and the gateway, for 10 years. @throws DomainError `issuer_expired`, `profile_violation` */
export function planServicesCa(input: IssuedBelow, context: PlanContext): CertificateIntent {
  const profile = { organization: PLATFORM_ORGANIZATION, name: `services.ca.${NAME_SUFFIX}`, years: CA_YEARS, pathLength: 0 };
  return plan({ kind: 'services_ca', ...profile }, input, context);
}

/** A tenant's CA under the root, for 10 years. @throws DomainError `issuer_expired`, `profile_violation` */
export function planTenantCa(input: TenantCaProfile, context: PlanContext): CertificateIntent {
  const { tenant } = input;
  assertSlugs({ tenant });
  const nameConstraints = { permittedUriHosts: [TRUST_DOMAIN] };
  const profile = { organization: tenant, name: `tenant-${tenant}.ca.${NAME_SUFFIX}`, years: CA_YEARS, pathLength: 0, nameConstraints };
  return plan({ kind: 'tenant_ca', ...profile }, input, context);
}

/** What a leaf shows the hub. @throws DomainError `issuer_expired`, `profile_violation` */
export function planLeaf(input: LeafProfile, context: PlanContext): CertificateIntent {
  const { tenant, site } = input;
  assertSlugs({ tenant, site });
  const identity = { kind: 'nats_leaf', tenant, site } as const;
  const [name, spiffeId] = [hostNameOf(identity), formatSpiffeId(identity)];
  const profile = { organization: tenant, name, spiffeId, hosts: sortHosts([name]), extendedKeyUsage: ['clientAuth'] as const };
  return plan({ kind: 'leaf', ...profile }, input, context);
}

/** What a leaf shows the collectors of its site. @throws DomainError `issuer_expired`, `profile_violation` */
export function planLeafListener(input: LeafListenerProfile, context: PlanContext): CertificateIntent {
  const { tenant, site, hosts, reservedHosts } = input;
  assertSlugs({ tenant, site });
  const name = `nats-server.${site}.${tenant}.${NAME_SUFFIX}`;
  const named = sortHosts([name, 'localhost', '127.0.0.1', '::1', ...assertGrantable(hosts, name, reservedHosts)]);
  return plan({ kind: 'leaf_listener', organization: tenant, name, hosts: named, extendedKeyUsage: ['serverAuth'] }, input, context);
}

/** What a collector shows the leaf or the hub, and its own clients. @throws DomainError `issuer_expired`, `profile_violation` */
export function planCollector(input: CollectorProfile, context: PlanContext): CertificateIntent {
  const { tenant, site = NO_SITE, name: collector, hostname, reservedHosts } = input;
  assertSlugs({ tenant, site, name: collector });
  if (RESERVED_COLLECTOR_NAMES.includes(collector)) {
    throw new DomainError('profile_violation', `A collector cannot be called "${collector}": the site's own certificates are. Choose another name.`);
  }
  const identity = { kind: 'collector', tenant, site, name: collector } as const;
  const [name, spiffeId] = [hostNameOf(identity), formatSpiffeId(identity)];
  const hosts = sortHosts([name, 'localhost', ...assertGrantable(hostname === undefined ? [] : [hostname], name, reservedHosts)]);
  const extendedKeyUsage = ['clientAuth', 'serverAuth'] as const;
  return plan({ kind: 'collector', organization: tenant, name, spiffeId, hosts, extendedKeyUsage }, input, context);
}

/** What an agent shows the gateway. @throws DomainError `issuer_expired`, `profile_violation` */
export function planAgent(input: AgentProfile, context: PlanContext): CertificateIntent {
  const { tenant, site, agentId } = input;
  assertSlugs({ tenant, site });
  const identity = { kind: 'agent', tenant, site, agentId } as const;
  const [name, spiffeId] = [hostNameOf(identity), formatSpiffeId(identity)];
  return plan({ kind: 'agent', organization: tenant, name, spiffeId, extendedKeyUsage: ['clientAuth'] }, input, context);
}

/** What the hub, the gateway or the control plane shows; signed by the services CA. @throws DomainError `issuer_expired`, `profile_violation` */
export function planService(input: ServiceProfile, context: PlanContext): CertificateIntent {
  const { service, hosts } = input;
  if (hosts.length === 0) {
    throw new DomainError('profile_violation', `The certificate of ${service} names no host: give at least one that it is reached by.`);
  }
  const name = `${service}.${NAME_SUFFIX}`;
  const profile = { organization: PLATFORM_ORGANIZATION, name, hosts: sortHosts(hosts), extendedKeyUsage: ['serverAuth', 'clientAuth'] as const };
  return plan({ kind: 'service', ...profile }, input, context);
}

/** The common name of an identity's certificate; undefined when it would be too long, and is left out. */
export const commonNameOf = (identity: TenantIdentity): string | undefined => unlessTooLong(hostNameOf(identity));

function hostNameOf(identity: TenantIdentity): string {
  const below = `${identity.site}.${identity.tenant}.${NAME_SUFFIX}`;
  switch (identity.kind) {
    case 'nats_leaf':
      return `leaf.${below}`;
    case 'collector':
      return `${identity.name}.${below}`;
    case 'agent':
      return `agent.${below}`;
  }
}

const unlessTooLong = (name: string): string | undefined => (name.length <= COMMON_NAME_MAX_LENGTH ? name : undefined);

interface Profile {
  kind: CertificateKind;
  organization: string;
  name: string;
  spiffeId?: string;
  hosts?: HostNames;
  extendedKeyUsage?: readonly ExtendedKeyUsage[];
  years?: number;
  pathLength?: number;
  nameConstraints?: { readonly permittedUriHosts: readonly string[] };
}

function plan(profile: Profile, below: IssuedBelow | undefined, { clock, random }: PlanContext): CertificateIntent {
  const { kind, organization, name, spiffeId, hosts = NO_HOSTS, extendedKeyUsage = [], years = END_ENTITY_YEARS } = profile;
  if (hosts.dnsNames.length + hosts.ipAddresses.length > HOSTS_MAX) {
    throw new DomainError('profile_violation', `A certificate names at most ${HOSTS_MAX} hosts. Take some away.`);
  }
  const isCa = kind.endsWith('_ca');
  return deepFreeze({
    kind,
    serialNumber: newSerialNumber(random),
    organization,
    commonName: unlessTooLong(name),
    spiffeId,
    dnsNames: [...hosts.dnsNames],
    ipAddresses: [...hosts.ipAddresses],
    ...validity(clock.now(), years, below?.issuer.notAfter),
    isCa,
    pathLength: profile.pathLength,
    keyUsage: isCa ? ['keyCertSign', 'cRLSign'] : ['digitalSignature'],
    extendedKeyUsage: [...extendedKeyUsage],
    nameConstraints: profile.nameConstraints,
    crlUrl: below?.crlUrl === undefined ? undefined : assertCrlUrl(below.crlUrl),
  });
}

/** From two hours ago, against clocks that are slow, for some years, but never past the issuer's end. */
function validity(now: Date, years: number, issuerNotAfter: Date | undefined): { notBefore: Date; notAfter: Date } {
  if (issuerNotAfter && issuerNotAfter.getTime() - now.getTime() < DAY_MS) {
    throw new DomainError(
      'issuer_expired',
      `The CA that would sign ends at ${issuerNotAfter.toISOString()}, less than a day from now. Replace it, then issue again.`,
    );
  }
  const end = wholeSeconds(now);
  end.setUTCFullYear(end.getUTCFullYear() + years);
  const notAfter = issuerNotAfter && issuerNotAfter < end ? wholeSeconds(issuerNotAfter) : end;
  return { notBefore: wholeSeconds(new Date(now.getTime() - BACKDATED_MS)), notAfter };
}

const wholeSeconds = (time: Date): Date => new Date(Math.floor(time.getTime() / 1000) * 1000);

/** 126 random bits under a leading 01: positive, not zero, and always 16 octets (RFC 5280, section 4.1.2.2). */
function newSerialNumber(random: Random): string {
  const octets = Buffer.from(random(16));
  octets[0] = (octets[0]! & 0x3f) | 0x40;
  return octets.toString('hex');
}

function assertSlugs(slugs: Record<string, string>): void {
  for (const [field, slug] of Object.entries(slugs)) {
    if (!isSlug(slug)) throw new DomainError('profile_violation', `The ${field} of a certificate must be a slug, not ${JSON.stringify(slug)}.`);
  }
}

/**
 * Refuses hosts that would let a tenant's certificate pass for another's, or for the platform's: all of them chain to one root.
 * @throws DomainError `profile_violation`
 */
export function assertGrantable(hosts: readonly string[], ownName?: string, reservedHosts: readonly string[] = []): readonly string[] {
  const reserved = new Set(reservedHosts.map(canonicalHost));
  for (const host of hosts.map(canonicalHost)) {
    const platformName = host === NAME_SUFFIX || host.endsWith(`.${NAME_SUFFIX}`);
    if (host !== ownName && (platformName || reserved.has(host))) {
      throw new DomainError('profile_violation', `A tenant's certificate cannot name ${host}: the platform keeps that name for itself.`);
    }
  }
  return hosts;
}

function assertCrlUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.href !== text) {
    throw new DomainError('profile_violation', `The place of a CRL must be an http or https URL in its normal form, not ${JSON.stringify(text)}.`);
  }
  return text;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part);
  }
  return Object.freeze(value);
}
