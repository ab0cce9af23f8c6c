import { createPublicKey, verify } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import { type ParsedCertificate, parseCertificate } from './certificate.js';
import type { ExtendedKeyUsage } from './intent.js';
import { isP256PublicKey } from './keys.js';
import { OID } from './oids.js';
import { namesOf } from './profiles.js';
import { parseSpiffeId, type SpiffeIdentity } from './spiffe.js';

/** A certificate authority of a tenant, which speaks for this tenant alone. */
export interface TenantAuthority {
  /** Slug. */
  tenant: string;
  certificate: ParsedCertificate;
}

/** Who shows certificates of a tenant; a service of the platform is known by its host. */
export type PeerIdentity = Exclude<SpiffeIdentity, { kind: 'service' }>;

export interface Peer<Kind extends PeerIdentity['kind'] = PeerIdentity['kind']> {
  identity: Extract<PeerIdentity, { kind: Kind }>;
  certificate: ParsedCertificate;
}

export interface PeerTerms<Kind extends PeerIdentity['kind']> {
  /** All CAs that may have signed: of a tenant that rolls over, several. */
  authorities: readonly TenantAuthority[];
  /** Who may come. */
  kinds: readonly Kind[];
  /** What the certificate is shown for. */
  usage: ExtendedKeyUsage;
  now: Date;
}

/** Why a certificate is refused. Nobody but the log is told more than that it was. */
export type PeerRefusal =
  | 'unreadable'
  | 'weak_key'
  | 'weak_signature'
  | 'unknown_issuer'
  | 'bad_signature'
  | 'issuer_not_valid_now'
  | 'not_yet_valid'
  | 'expired'
  | 'is_ca'
  | 'wrong_key_usage'
  | 'wrong_extended_key_usage'
  | 'unexpected_extension'
  | 'no_single_identity'
  | 'wrong_kind'
  | 'other_tenant'
  | 'subject_disagrees'
  /** Of a CA of ours, and yet not what we have issued. */
  | 'not_on_record'
  | 'revoked';

/** Extensions that certificates of our profiles have, each at most once (RFC 5280, section 4.2). */
const EXTENSIONS = new Set<string>([
  `${OID.basicConstraints} critical`,
  `${OID.keyUsage} critical`,
  OID.extendedKeyUsage,
  OID.subjectKeyIdentifier,
  OID.authorityKeyIdentifier,
  OID.subjectAltName,
  OID.cRLDistributionPoints,
]);

/**
 * Tells who shows a certificate: the one verifier of what comes from outside. It trusts nothing that was not signed by a CA of the tenant
 * that the certificate speaks for, and takes nothing that our profiles would not make. Whether it was revoked is for the inventory to say.
 * @param presented the end entity's certificate, in DER
 * @throws DomainError `unauthenticated`, its context with a `PeerRefusal` as `reason`
 */
export function verifyPeer<Kind extends PeerIdentity['kind']>(presented: Uint8Array, terms: PeerTerms<Kind>): Peer<Kind> {
  const certificate = read(presented);
  if (!isP256PublicKey(certificate.publicKey)) refuse('weak_key');
  if (certificate.signatureAlgorithm !== OID.ecdsaWithSha256) refuse('weak_signature');
  const authority = signerOf(certificate, terms);
  checkTime(certificate, terms.now);
  checkUsage(certificate, terms.usage);
  const identity = identityOf(certificate);
  if (!isOneOf(identity, terms.kinds)) return refuse('wrong_kind');
  if (identity.tenant !== authority.tenant) refuse('other_tenant');
  checkSubject(certificate, identity);
  return { identity, certificate };
}

function read(presented: Uint8Array): ParsedCertificate {
  try {
    return parseCertificate(presented);
  } catch (error) {
    return refuse('unreadable', error);
  }
}

/** Of CAs with one name, the key identifier tells which; and the signature, whether it is true. */
function signerOf(certificate: ParsedCertificate, { authorities, now }: PeerTerms<PeerIdentity['kind']>): TenantAuthority {
  const named = authorities.find(
    ({ certificate: ca }) =>
      ca.subject.der.equals(certificate.issuer.der) &&
      ca.subjectKeyIdentifier !== undefined &&
      ca.subjectKeyIdentifier === certificate.authorityKeyIdentifier,
  );
  if (named === undefined) return refuse('unknown_issuer');
  const { notBefore, notAfter, publicKey, isCa, keyUsage } = named.certificate;
  if (now < notBefore || now > notAfter || !isCa || !keyUsage.includes('keyCertSign')) refuse('issuer_not_valid_now');
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  if (!verify('sha256', certificate.tbs, key, certificate.signature)) refuse('bad_signature');
  return named;
}

/** Both ends belong to the time (RFC 5280, section 4.1.2.5). */
function checkTime({ notBefore, notAfter }: ParsedCertificate, now: Date): void {
  if (now < notBefore) refuse('not_yet_valid');
  if (now > notAfter) refuse('expired');
}

function checkUsage({ isCa, pathLength, keyUsage, extendedKeyUsage, extensions, nameConstraints }: ParsedCertificate, usage: ExtendedKeyUsage): void {
  if (isCa || pathLength !== undefined || nameConstraints.length > 0) refuse('is_ca');
  if (keyUsage.length !== 1 || keyUsage[0] !== 'digitalSignature') refuse('wrong_key_usage');
  if (!extendedKeyUsage.includes(usage)) refuse('wrong_extended_key_usage');
  if (new Set(extensions).size !== extensions.length || !extensions.every((extension) => EXTENSIONS.has(extension))) refuse('unexpected_extension');
}

function identityOf({ uris, otherNames }: ParsedCertificate): SpiffeIdentity {
  const [uri, ...more] = uris;
  const identity = uri === undefined || more.length > 0 || otherNames > 0 ? undefined : parseSpiffeId(uri);
  return identity ?? refuse('no_single_identity');
}

const isOneOf = <Kind extends PeerIdentity['kind']>(
  identity: SpiffeIdentity,
  kinds: readonly Kind[],
): identity is Extract<PeerIdentity, { kind: Kind }> => (kinds as readonly string[]).includes(identity.kind);

/** The subject says the same as the identity, and nothing beside. */
function checkSubject({ subject }: ParsedCertificate, identity: PeerIdentity): void {
  const { organization, commonName } = namesOf(identity);
  const expected = [`${OID.organization}=${organization}`, ...(commonName === undefined ? [] : [`${OID.commonName}=${commonName}`])];
  if (JSON.stringify(subject.attributes) !== JSON.stringify(expected)) refuse('subject_disagrees');
}

function refuse(reason: PeerRefusal, cause?: unknown): never {
  throw peerRefused(reason, cause);
}

/** The same to whoever shows the certificate, whatever was wrong. */
export function peerRefused(reason: PeerRefusal, cause?: unknown): DomainError {
  const message = 'This certificate is not accepted here. Ask who runs the platform why, and for a new one.';
  return new DomainError('unauthenticated', message, { context: { reason }, cause });
}
