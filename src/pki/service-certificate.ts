import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '#libs/kernel';
import { type CertificateIntent, parseCertificate } from '#libs/pki';

/** What one of the platform's own services (the hub, the gateway) shows, with its key. All PEM. */
export interface ServiceCertificate {
  certificatePem: string;
  privateKeyPem: Secret;
}

const DAY = 24 * 60 * 60 * 1000;

/** A service's certificate is made anew when less than this remains of it, in milliseconds. */
const RENEW_BEFORE = 30 * DAY;

interface Wanted {
  intent: CertificateIntent;
  /** The services CA as it is now. */
  issuerPem: string;
  now: Date;
}

/**
 * Decides whether a service can keep its certificate.
 * @returns why not, in words; undefined when it can
 */
export function reasonToRenew(current: ServiceCertificate, { intent, issuerPem, now }: Wanted): string | undefined {
  const certificate = parseCertificate(current.certificatePem);
  const x509 = new X509Certificate(current.certificatePem);
  if (!x509.checkPrivateKey(createPrivateKey(current.privateKeyPem.reveal()))) return 'its key is another';
  if (!x509.verify(new X509Certificate(issuerPem).publicKey)) return 'another CA signed it';
  if (!sameNames(certificate.dnsNames, intent.dnsNames)) return 'its DNS names changed';
  if (!sameNames(certificate.ipAddresses, intent.ipAddresses)) return 'its IP addresses changed';
  if (certificate.subject.commonName !== intent.commonName) return 'it is another service’s';
  if (certificate.notAfter.getTime() - now.getTime() < RENEW_BEFORE) return 'less than 30 days of it remain';
  return undefined;
}

const sameNames = (one: readonly string[], other: readonly string[]) =>
  one.length === other.length && new Set([...one, ...other]).size === new Set(one).size;
