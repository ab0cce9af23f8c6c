import { createPublicKey, verify } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import { type ParsedCertificate, parseCertificate } from './certificate.js';
import type { ExtendedKeyUsage } from './intent.js';
import { isP256PublicKey } from './keys.js';
import { OID } from './oids.js';
import { commonNameOf } from './profiles.js';
import { parseSpiffeId, type TenantIdentity } from './spiffe.js';

/** Why a certificate does not prove who its holder is. A certificate that cannot even be read is `malformed_request`. */
export type CertificateRefusal =
  | 'serial_number'
  | 'algorithm'
  | 'weak_key'
  | 'unknown_critical_extension'
  | 'is_a_ca'
  | 'key_usage'
  | 'wrong_purpose'
  | 'unknown_issuer'
  | 'signature'
  | 'issuer_unfit'
  | 'not_yet_valid'
  | 'expired'
  | 'name_constraints'
  | 'names'
  | 'no_identity'
  | 'several_identities'
  | 'foreign_identity'
  | 'foreign_tenant'
  | 'subject'
  | 'not_on_record'
  | 'revoked';

/** A CA of a tenant's, as it is on record. */
export interface TenantAuthority {
  /** The tenant's slug. */
  readonly tenant: string;
  readonly certificate: ParsedCertificate;
}

export interface VerificationTerms {
  readonly root: ParsedCertificate;
  /** The CAs that are trusted at present; of a tenant several, while one takes the place of another. What a peer sends along is not among them. */
  readonly authorities: readonly TenantAuthority[];
  /** What the certificate is shown for. */
  readonly purpose: ExtendedKeyUsage;
  readonly now: Date;
  /** What is on record under the certificate's serial number and issuer; undefined when nothing is. */
  readonly record: { readonly fingerprintSha256: string; readonly status: 'issued' | 'revoked' } | undefined;
}

/** Who a certificate was found to speak for. */
export interface VerifiedIdentity {
  readonly identity: TenantIdentity;
  readonly certificate: ParsedCertificate;
  /** The CA that signed it. */
  readonly authority: TenantAuthority;
}

/** Those that are understood here (RFC 5280, section 4.2): a certificate with another that is critical is refused. */
const UNDERSTOOD: readonly string[] = [OID.basicConstraints, OID.keyUsage, OID.extendedKeyUsage, OID.subjectAltName, OID.nameConstraints];

/** As `ParsedCertificate.nameConstraints` shows one of a host. */
const URI_CONSTRAINT = /^(permitted|excluded) URI:(\S+)$/;
const HOST_OF_URI = /^[a-z]+:\/\/([^/?#:@]+)(?:[/?#]|$)/;

/** RFC 5280, section 4.1.2.2. */
const MAX_SERIAL_OCTETS = 20;

/**
 * Finds out who shows a certificate, or refuses it: the one way from a tenant's certificate to an identity. It judges the path root, tenant's CA,
 * certificate as RFC 5280, section 6, does, and more narrowly: as this service signs them and no other way. That the peer holds the
 * certificate's key is for TLS to find out.
 *
 * @param presented PEM or DER of the end entity's certificate
 * @throws DomainError `malformed_request` when it is not a version 3 certificate in DER; `unauthenticated` when it is refused, with a
 * `CertificateRefusal` as `reason` in its context.
 */
export function verifyIdentity(presented: string | Uint8Array, terms: VerificationTerms): VerifiedIdentity {
  const certificate = parseCertificate(presented);
  checkForm(certificate);
  checkUsage(certificate, terms.purpose);
  const authority = findAuthority(certificate, terms.authorities);
  checkAuthority(authority.certificate, terms);
  checkTime(certificate, terms.now, 'It');
  const identity = identityOf(certificate, authority, terms.root);
  checkRecord(certificate, terms.record);
  return { identity, certificate, authority };
}

/** What holds for any certificate, the CA's too. */
function checkForm({ serialNumber, signatureAlgorithm, publicKey, extensions }: ParsedCertificate): void {
  if (/^0*$/.test(serialNumber)) refuse('serial_number', 'Its serial number is zero');
  if (serialNumber.length > 2 * MAX_SERIAL_OCTETS) refuse('serial_number', 'Its serial number has more than 20 octets');
  if (signatureAlgorithm !== OID.ecdsaWithSha256) refuse('algorithm', 'It is not signed with ECDSA and SHA-256');
  if (!isP256PublicKey(publicKey)) refuse('weak_key', 'Its key is not of the curve P-256');
  const unknown = extensions.find((extension) => extension.endsWith(' critical') && !UNDERSTOOD.includes(extension.split(' ')[0]!));
  if (unknown !== undefined) refuse('unknown_critical_extension', `It has the critical extension ${unknown.split(' ')[0]}, which is not understood here`);
}

function checkUsage({ isCa, pathLength, keyUsage, extendedKeyUsage, nameConstraints }: ParsedCertificate, purpose: ExtendedKeyUsage): void {
  if (isCa || pathLength !== undefined || nameConstraints.length > 0) refuse('is_a_ca', 'It is that of a CA');
  if (keyUsage.join() !== 'digitalSignature') refuse('key_usage', 'Its key may be used for other than digital signatures, or not for them');
  if (!extendedKeyUsage.includes(purpose)) refuse('wrong_purpose', `It was not made for ${purpose}`);
}

/** By the name of the issuer, of which there may be several, and the signature. */
function findAuthority(certificate: ParsedCertificate, authorities: readonly TenantAuthority[]): TenantAuthority {
  const named = authorities.filter((authority) => authority.certificate.subject.der.equals(certificate.issuer.der));
  if (named.length === 0) refuse('unknown_issuer', 'It was issued by no CA that is trusted here');
  return named.find((authority) => isSignedBy(certificate, authority.certificate)) ?? refuse('signature', 'The CA that it names did not sign it');
}

function isSignedBy(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
  const { authorityKeyIdentifier } = certificate;
  if (authorityKeyIdentifier !== undefined && authorityKeyIdentifier !== issuer.subjectKeyIdentifier) return false;
  try {
    const key = createPublicKey({ key: issuer.publicKey, format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ec' && verify('sha256', certificate.tbs, key, certificate.signature);
  } catch {
    // The key is no point of its curve, or the signature no pair of numbers.
    return false;
  }
}

function checkAuthority(authority: ParsedCertificate, { root, now }: VerificationTerms): void {
  const unfit = (why: string): never => refuse('issuer_unfit', `Its CA cannot vouch for it: ${why}`);
  try {
    checkForm(authority);
    checkTime(authority, now, 'it');
  } catch (error) {
    throw error instanceof DomainError ? unfit(error.message) : error;
  }
  if (!authority.isCa || !authority.keyUsage.includes('keyCertSign')) unfit('it may not sign certificates');
  if (!authority.issuer.der.equals(root.subject.der) || !isSignedBy(authority, root)) unfit('the root did not sign it');
  if (!root.isCa || !root.keyUsage.includes('keyCertSign') || root.pathLength === 0) unfit('the root may not sign CAs');
  if (root.notBefore > now || root.notAfter < now) unfit('the root has run out, or is not valid yet');
  // Critical and not understood, which is to refuse (RFC 5280, section 4.2).
  if ([...authority.nameConstraints, ...root.nameConstraints].some((one) => !URI_CONSTRAINT.test(one))) unfit('names are constrained by other than hosts of URIs');
}

function checkTime({ notBefore, notAfter }: ParsedCertificate, now: Date, what: string): void {
  if (now < notBefore) refuse('not_yet_valid', `${what} is not valid before ${notBefore.toISOString()}`);
  if (now > notAfter) refuse('expired', `${what} ran out at ${notAfter.toISOString()}`);
}

function identityOf(certificate: ParsedCertificate, { tenant, certificate: authority }: TenantAuthority, root: ParsedCertificate): TenantIdentity {
  const { uris, subject, dnsNames } = certificate;
  if ([...uris, ...dnsNames, ...subject.attributes].some((name) => name.includes('\0'))) refuse('names', 'One of its names has a NUL');
  if (certificate.otherNames > 0) refuse('names', 'It has alternative names other than URIs, DNS names and addresses');
  const [uri, another] = uris;
  if (uri === undefined) refuse('no_identity', 'It has no SPIFFE ID');
  if (another !== undefined) refuse('several_identities', 'It has several URIs, and a SPIFFE ID is the only one');
  if (![authority, root].every(({ nameConstraints }) => isPermitted(uri, nameConstraints))) refuse('name_constraints', 'Its CA may not vouch for this URI');
  const identity = parseSpiffeId(uri) ?? refuse('foreign_identity', 'Its URI is not a SPIFFE ID of this platform');
  if (identity.kind === 'service') return refuse('foreign_tenant', 'It would speak for the platform');
  if (identity.tenant !== tenant) refuse('foreign_tenant', "It would speak for another tenant than its CA's");
  if (subject.organization !== tenant) refuse('foreign_tenant', "Its organization is not its CA's");
  const commonName = commonNameOf(identity);
  const attributes = [`${OID.organization}=${tenant}`, ...(commonName === undefined ? [] : [`${OID.commonName}=${commonName}`])];
  if (JSON.stringify(subject.attributes) !== JSON.stringify(attributes)) refuse('subject', 'Its subject does not agree with its SPIFFE ID');
  return identity;
}

/** RFC 5280, section 4.2.1.10: a constraint is a host, or a dot before the hosts below one. */
function isPermitted(uri: string, nameConstraints: readonly string[]): boolean {
  const host = HOST_OF_URI.exec(uri)?.[1];
  const hosts = (verb: string): string[] => nameConstraints.map((one) => URI_CONSTRAINT.exec(one)).flatMap((match) => (match?.[1] === verb ? match[2]! : []));
  const permitted = hosts('permitted');
  const isWithin = (constraint: string): boolean => (constraint.startsWith('.') ? host!.endsWith(constraint) : host === constraint);
  return host !== undefined && (permitted.length === 0 || permitted.some(isWithin)) && !hosts('excluded').some(isWithin);
}

function checkRecord({ fingerprintSha256 }: ParsedCertificate, record: VerificationTerms['record']): void {
  if (record?.fingerprintSha256 !== fingerprintSha256) refuse('not_on_record', 'It is not on record');
  if (record.status === 'revoked') refuse('revoked', 'It was revoked');
}

function refuse(reason: CertificateRefusal, why: string): never {
  throw new DomainError('unauthenticated', `This certificate is refused: ${why}. Get a new one for this site.`, { context: { reason } });
}
