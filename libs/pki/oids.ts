import type { ExtendedKeyUsage, KeyUsage } from './intent.js';

/** Object identifiers of RFC 5280 and RFC 5480, by the names used there. */
export const OID = {
  organization: '2.5.4.10',
  commonName: '2.5.4.3',
  ecPublicKey: '1.2.840.10045.2.1',
  secp256r1: '1.2.840.10045.3.1.7',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  cRLNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  nameConstraints: '2.5.29.30',
  cRLDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

export const EXTENDED_KEY_USAGE_OID: Record<ExtendedKeyUsage, string> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};

/** Bit numbers of RFC 5280, section 4.2.1.3. */
export const KEY_USAGE_BIT: Record<KeyUsage, number> = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 };

/** Tag numbers of GeneralName (RFC 5280, section 4.2.1.6). */
export const GENERAL_NAME = { dnsName: 2, uri: 6, ipAddress: 7 } as const;
