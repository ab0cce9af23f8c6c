import { type CertificateIntent, generateKeyPair, type Issuer, type IssuerPair, signCertificate, signRootCertificate } from '#libs/pki';

/** Makes a key, and has it certified as a CA's. */
export function makeCa(intent: CertificateIntent, issuer: Issuer): IssuerPair {
  const { privateKeyPem, publicKey } = generateKeyPair();
  const { certificatePem } = signCertificate(intent, publicKey, issuer);
  return { certificatePem, privateKeyPem };
}

/** Makes a key, and a certificate that it signs for itself. */
export function makeRoot(intent: CertificateIntent): IssuerPair {
  const keyPair = generateKeyPair();
  return { certificatePem: signRootCertificate(intent, keyPair).certificatePem, privateKeyPem: keyPair.privateKeyPem };
}
