import { createPrivateKey, sign } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import { type ParsedCertificate, parseCertificate } from './certificate.js';
import { contextTag, encodeConstructed } from './der.js';
import { ECDSA_WITH_SHA256, encodeName, encodeTime, encodeUnsigned, withSignature } from './encoding.js';
import { encodeExtensions } from './extensions.js';
import type { CertificateIntent } from './intent.js';
import { type Issuer, keyIdentifierOf, loadIssuer } from './issuer.js';
import { isP256PublicKey, type KeyPair } from './keys.js';
import { encodePem } from './pem.js';
import { parseSpiffeId, TRUST_DOMAIN } from './spiffe.js';
import { checkAgainstIntent, checkIssuedBy } from './verify.js';

export interface SignedCertificate {
  readonly certificatePem: string;
  /** 32 lower-case hexadecimal digits. */
  readonly serialNumber: string;
  /** SHA-256 of the DER, 64 lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * Signs what is planned, then reads the result back and holds it against the intent, the issuer and the key (`verify.ts`).
 * @param subjectPublicKey SubjectPublicKeyInfo of a P-256 key in DER.
 * @throws DomainError `profile_violation` when this issuer may not sign it, the key is of another kind, or what was signed differs.
 */
export function signCertificate(intent: CertificateIntent, subjectPublicKey: Uint8Array, issuer: Issuer): SignedCertificate {
  assertMaySign(issuer, intent);
  const certificate = encodeSigned(intent, subjectPublicKey, {
    // Octet for octet: a verifier compares it with the CA's subject as they are encoded.
    name: issuer.certificate.subject.der,
    authorityKeyIdentifier: issuer.authorityKeyIdentifier,
    sign: (data) => issuer.sign(data),
  });
  checkAgainstIntent(certificate, intent);
  checkIssuedBy(certificate, issuer, subjectPublicKey);
  return issued(certificate);
}

/**
 * Signs a root with its own key, and checks it as `signCertificate` does.
 * @throws DomainError `profile_violation` when the intent is not that of a root.
 */
export function signRootCertificate(intent: CertificateIntent, { privateKeyPem, publicKey }: KeyPair): SignedCertificate {
  if (intent.kind !== 'root_ca') throw new DomainError('profile_violation', `Only a root signs itself, and this is a ${intent.kind}.`);
  const key = createPrivateKey(privateKeyPem.reveal());
  const certificate = encodeSigned(intent, publicKey, {
    name: encodeName(intent.organization, intent.commonName),
    authorityKeyIdentifier: undefined,
    sign: (data) => sign('sha256', data, key),
  });
  checkAgainstIntent(certificate, intent);
  const result = issued(certificate);
  checkIssuedBy(certificate, loadIssuer({ certificatePem: result.certificatePem, privateKeyPem }), publicKey);
  return result;
}

interface Signer {
  name: Buffer;
  authorityKeyIdentifier: Buffer | undefined;
  sign(data: Uint8Array): Buffer;
}

/** Version 3, in its explicit tag. */
const VERSION = encodeConstructed([encodeUnsigned(Buffer.of(2))], contextTag(0, 'constructed'));

/**
 * A Certificate (RFC 5280, section 4.1). Its parts come encoded and are joined here: `pkijs.Certificate` decodes the issuer's name and
 * the key to encode them again, with which a certificate took 760 microseconds and not 215 (one core, checks included).
 */
function encodeSigned(intent: CertificateIntent, subjectPublicKey: Uint8Array, signer: Signer): ParsedCertificate {
  if (!isP256PublicKey(subjectPublicKey)) throw new DomainError('profile_violation', 'The key to be certified is not of the curve P-256.');
  const tbs = encodeConstructed([
    VERSION,
    encodeUnsigned(Buffer.from(intent.serialNumber, 'hex')),
    ECDSA_WITH_SHA256,
    signer.name,
    encodeConstructed([encodeTime(intent.notBefore), encodeTime(intent.notAfter)]),
    encodeName(intent.organization, intent.commonName),
    subjectPublicKey,
    encodeConstructed([encodeExtensions(intent, keyIdentifierOf(subjectPublicKey), signer.authorityKeyIdentifier)], contextTag(3, 'constructed')),
  ]);
  return parseCertificate(withSignature(tbs, signer.sign(tbs)));
}

function assertMaySign(issuer: Issuer, intent: CertificateIntent): void {
  const { subject, pathLength, notAfter } = issuer.certificate;
  const by = subject.commonName ?? subject.organization ?? 'this CA';
  const refuse = (why: string): never => {
    throw new DomainError('profile_violation', `${by} cannot sign the certificate of ${intent.commonName ?? intent.kind}: ${why}.`);
  };
  if (intent.kind === 'root_ca') refuse('a root signs itself');
  if (intent.isCa && pathLength === 0) refuse('it may not sign CAs (path length 0)');
  if (!intent.isCa && subject.organization !== intent.organization) refuse(`it belongs to ${subject.organization ?? 'nobody'}, not to ${intent.organization}`);
  const identity = intent.spiffeId === undefined ? undefined : parseSpiffeId(intent.spiffeId);
  if (intent.spiffeId !== undefined && !identity) refuse(`${intent.spiffeId} is not a SPIFFE ID of ${TRUST_DOMAIN}`);
  if (identity && 'tenant' in identity && identity.tenant !== intent.organization) refuse(`it would speak for ${identity.tenant}, not for ${intent.organization}`);
  if (intent.notAfter > notAfter) refuse(`it ends earlier, at ${notAfter.toISOString()}`);
}

const issued = (certificate: ParsedCertificate): SignedCertificate => ({
  certificatePem: encodePem('CERTIFICATE', certificate.der),
  serialNumber: certificate.serialNumber,
  fingerprintSha256: certificate.fingerprintSha256,
  notBefore: certificate.notBefore,
  notAfter: certificate.notAfter,
});
