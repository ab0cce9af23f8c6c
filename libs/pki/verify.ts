import { DomainError } from '#libs/kernel';
import { type ParsedCertificate, parseCertificate } from './certificate.js';
import { expectedExtensions } from './extensions.js';
import type { CertificateIntent } from './intent.js';
import { type Issuer, keyIdentifierOf } from './issuer.js';
import { OID } from './oids.js';

/**
 * Holds a certificate, given as read or in DER, against what was planned: every field that an intent has, and that nothing is there beside.
 * @throws DomainError `profile_violation` naming the first field that differs; `malformed_request` when the DER cannot be read.
 */
export function checkAgainstIntent(certificate: ParsedCertificate | Uint8Array, intent: CertificateIntent): void {
  const actual = certificate instanceof Uint8Array ? parseCertificate(certificate) : certificate;
  const { commonName, organization, spiffeId, nameConstraints, crlUrl } = intent;
  const same: Record<string, [actual: unknown, planned: unknown]> = {
    serialNumber: [actual.serialNumber, intent.serialNumber],
    organization: [actual.subject.organization, organization],
    commonName: [actual.subject.commonName, commonName],
    subject: [actual.subject.attributes, [`${OID.organization}=${organization}`, ...present(commonName).map((name) => `${OID.commonName}=${name}`)]],
    notBefore: [actual.notBefore, intent.notBefore],
    notAfter: [actual.notAfter, intent.notAfter],
    isCa: [actual.isCa, intent.isCa],
    pathLength: [actual.pathLength, intent.pathLength],
    keyUsage: [actual.keyUsage, intent.keyUsage],
    extendedKeyUsage: [actual.extendedKeyUsage, intent.extendedKeyUsage],
    spiffeId: [actual.uris, present(spiffeId)],
    dnsNames: [actual.dnsNames, intent.dnsNames],
    ipAddresses: [actual.ipAddresses, intent.ipAddresses],
    otherNames: [actual.otherNames, 0],
    nameConstraints: [actual.nameConstraints, (nameConstraints?.permittedUriHosts ?? []).map((host) => `permitted URI:${host}`)],
    crlUrl: [actual.crlUrls, present(crlUrl)],
    extensions: [actual.extensions, expectedExtensions(intent)],
    signatureAlgorithm: [actual.signatureAlgorithm, OID.ecdsaWithSha256],
  };
  refuseDifference(same);
}

/**
 * Holds a certificate against the CA that signed it and the key that it certifies: names and key identifiers agree, and so does the signature.
 * @param publicKey SubjectPublicKeyInfo in DER.
 * @throws DomainError `profile_violation` naming the first field that differs.
 */
export function checkIssuedBy(certificate: ParsedCertificate, issuer: Issuer, publicKey: Uint8Array): void {
  const selfSigned = issuer.certificate.publicKey.equals(publicKey);
  refuseDifference({
    issuer: [certificate.issuer.der.toString('hex'), issuer.certificate.subject.der.toString('hex')],
    publicKey: [certificate.publicKey.equals(publicKey), true],
    subjectKeyIdentifier: [certificate.subjectKeyIdentifier, keyIdentifierOf(publicKey).toString('hex')],
    authorityKeyIdentifier: [certificate.authorityKeyIdentifier, selfSigned ? undefined : issuer.keyIdentifier.toString('hex')],
    signature: [issuer.hasSigned(certificate.tbs, certificate.signature), true],
  });
}

/** All values are text, numbers, dates and lists of them, which JSON tells apart. */
function refuseDifference(fields: Record<string, [actual: unknown, planned: unknown]>): void {
  for (const [field, [actual, planned]] of Object.entries(fields)) {
    if (JSON.stringify(actual) === JSON.stringify(planned)) continue;
    throw new DomainError('profile_violation', `The signed certificate is not what was planned: its ${field} differs. It must not be used.`, {
      context: { field, actual, planned },
    });
  }
}

const present = (text: string | undefined): string[] => (text === undefined ? [] : [text]);
