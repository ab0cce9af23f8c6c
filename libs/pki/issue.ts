import { createPrivateKey, sign } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { DomainError } from '#libs/kernel';
import { type ParsedCertificate, parseCertificate } from './certificate.js';
import { encodeName, extensionsOf, timeOf } from './extensions.js';
import type { CertificateIntent } from './intent.js';
import { ECDSA_WITH_SHA256, type Issuer, keyIdentifierOf, loadIssuer, nameOf, withSignature } from './issuer.js';
import { isP256PublicKey, type KeyPair, POINT_LENGTH } from './keys.js';
import { OID } from './oids.js';
import { encodePem } from './pem.js';
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
    name: nameOf(issuer.certificate.subject),
    keyIdentifier: issuer.keyIdentifier,
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
    name: new pkijs.RelativeDistinguishedNames({ valueBeforeDecode: encodeName(intent.organization, intent.commonName) }),
    keyIdentifier: undefined,
    sign: (data) => sign('sha256', data, key),
  });
  checkAgainstIntent(certificate, intent);
  const result = issued(certificate);
  checkIssuedBy(certificate, loadIssuer({ certificatePem: result.certificatePem, privateKeyPem }), publicKey);
  return result;
}

interface Signer {
  name: pkijs.RelativeDistinguishedNames;
  /** Undefined when it signs itself. */
  keyIdentifier: Buffer | undefined;
  sign(data: Uint8Array): Buffer;
}

function encodeSigned(intent: CertificateIntent, subjectPublicKey: Uint8Array, signer: Signer): ParsedCertificate {
  if (!isP256PublicKey(subjectPublicKey)) throw new DomainError('profile_violation', 'The key to be certified is not of the curve P-256.');
  const certificate = new pkijs.Certificate({
    version: 2,
    serialNumber: new asn1js.Integer({ valueHex: Buffer.from(intent.serialNumber, 'hex') }),
    signature: ECDSA_WITH_SHA256,
    issuer: signer.name,
    notBefore: timeOf(intent.notBefore),
    notAfter: timeOf(intent.notAfter),
    subject: new pkijs.RelativeDistinguishedNames({ valueBeforeDecode: encodeName(intent.organization, intent.commonName) }),
    subjectPublicKeyInfo: publicKeyInfo(subjectPublicKey),
    extensions: extensionsOf(intent, { subject: keyIdentifierOf(subjectPublicKey), authority: signer.keyIdentifier }),
  });
  const tbs = Buffer.from(certificate.encodeTBS().toBER());
  return parseCertificate(withSignature(tbs, signer.sign(tbs)));
}

function publicKeyInfo(spki: Uint8Array): pkijs.PublicKeyInfo {
  const algorithmParams = new asn1js.ObjectIdentifier({ value: OID.secp256r1 });
  return new pkijs.PublicKeyInfo({
    algorithm: new pkijs.AlgorithmIdentifier({ algorithmId: OID.ecPublicKey, algorithmParams }),
    subjectPublicKey: new asn1js.BitString({ valueHex: spki.subarray(-POINT_LENGTH) }),
  });
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
  if (intent.notAfter > notAfter) refuse(`it ends earlier, at ${notAfter.toISOString()}`);
}

const issued = (certificate: ParsedCertificate): SignedCertificate => ({
  certificatePem: encodePem('CERTIFICATE', certificate.der),
  serialNumber: certificate.serialNumber,
  fingerprintSha256: certificate.fingerprintSha256,
  notBefore: certificate.notBefore,
  notAfter: certificate.notAfter,
});
