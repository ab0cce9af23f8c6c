import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { encodeConstructed, encodePrimitive, TAG } from './der.js';
import { extension } from './encoding.js';
import { addressOctets } from './hosts.js';
import type { CertificateIntent, KeyUsage } from './intent.js';
import { EXTENDED_KEY_USAGE_OID, GENERAL_NAME, KEY_USAGE_BIT, OID } from './oids.js';

/**
 * The extensions of a certificate in DER, in the order in which they are written. Critical are those that RFC 5280, section 4.2.1, wants so.
 * @param authorityKeyIdentifier The issuer's, as an extension; undefined for a self-signed certificate, which names no other key.
 */
export function encodeExtensions(intent: CertificateIntent, subjectKeyIdentifier: Buffer, authorityKeyIdentifier: Buffer | undefined): Buffer {
  const { crlUrl } = intent;
  const extensions = [encodeUsage(intent), extension(OID.subjectKeyIdentifier, false, encodePrimitive(TAG.octetString, subjectKeyIdentifier))];
  if (authorityKeyIdentifier) extensions.push(authorityKeyIdentifier);
  const names = alternativeNames(intent);
  // Not critical: the subject is never empty, it has the organization even where the common name is left out.
  if (names.length > 0) extensions.push(extension(OID.subjectAltName, false, new pkijs.GeneralNames({ names }).toSchema()));
  if (crlUrl !== undefined) {
    const distributionPoints = [new pkijs.DistributionPoint({ distributionPoint: [uri(crlUrl)] })];
    extensions.push(extension(OID.cRLDistributionPoints, false, new pkijs.CRLDistributionPoints({ distributionPoints }).toSchema()));
  }
  return encodeConstructed(extensions);
}

/** Which extensions `encodeExtensions` writes, as `ParsedCertificate.extensions` shows them. */
export function expectedExtensions(intent: CertificateIntent): string[] {
  const named = intent.spiffeId !== undefined || intent.dnsNames.length > 0 || intent.ipAddresses.length > 0;
  return [
    `${OID.basicConstraints} critical`,
    `${OID.keyUsage} critical`,
    ...(intent.extendedKeyUsage.length > 0 ? [OID.extendedKeyUsage] : []),
    ...(intent.nameConstraints ? [`${OID.nameConstraints} critical`] : []),
    OID.subjectKeyIdentifier,
    ...(intent.kind === 'root_ca' ? [] : [OID.authorityKeyIdentifier]),
    ...(named ? [OID.subjectAltName] : []),
    ...(intent.crlUrl === undefined ? [] : [OID.cRLDistributionPoints]),
  ];
}

export const encodeAuthorityKeyIdentifier = (identifier: Buffer): Buffer => {
  const keyIdentifier = new asn1js.OctetString({ valueHex: identifier });
  return extension(OID.authorityKeyIdentifier, false, new pkijs.AuthorityKeyIdentifier({ keyIdentifier }).toSchema());
};

// There are as many as there are profiles: each is encoded once.
const encodedUsages = new Map<string, Buffer>();

/** What a certificate may be used for, the same for all of a profile: the constraints and usages. */
function encodeUsage(intent: CertificateIntent): Buffer {
  const { isCa, pathLength, keyUsage, extendedKeyUsage, nameConstraints } = intent;
  const key = JSON.stringify([isCa, pathLength, keyUsage, extendedKeyUsage, nameConstraints]);
  const known = encodedUsages.get(key);
  if (known) return known;
  const extensions = [extension(OID.basicConstraints, true, basicConstraints(intent)), extension(OID.keyUsage, true, keyUsageBits(keyUsage))];
  if (extendedKeyUsage.length > 0) {
    const keyPurposes = extendedKeyUsage.map((usage) => EXTENDED_KEY_USAGE_OID[usage]);
    extensions.push(extension(OID.extendedKeyUsage, false, new pkijs.ExtKeyUsage({ keyPurposes }).toSchema()));
  }
  if (nameConstraints) {
    const permittedSubtrees = nameConstraints.permittedUriHosts.map((host) => new pkijs.GeneralSubtree({ base: uri(host) }));
    extensions.push(extension(OID.nameConstraints, true, new pkijs.NameConstraints({ permittedSubtrees }).toSchema()));
  }
  const encoded = Buffer.concat(extensions);
  encodedUsages.set(key, encoded);
  return encoded;
}

function basicConstraints({ isCa, pathLength }: CertificateIntent): asn1js.BaseBlock {
  return new pkijs.BasicConstraints({ cA: isCa, ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }) }).toSchema();
}

function keyUsageBits(usages: readonly KeyUsage[]): asn1js.BaseBlock {
  const bits = usages.map((usage) => KEY_USAGE_BIT[usage]);
  const octet = bits.reduce((set, bit) => set | (0x80 >> bit), 0);
  // DER cuts the zeros after the last bit of a named list (X.690, section 11.2.2).
  return new asn1js.BitString({ valueHex: Uint8Array.of(octet).buffer, unusedBits: 7 - Math.max(...bits) });
}

function alternativeNames({ spiffeId, dnsNames, ipAddresses }: CertificateIntent): pkijs.GeneralName[] {
  return [
    ...(spiffeId === undefined ? [] : [uri(spiffeId)]),
    ...dnsNames.map((value) => new pkijs.GeneralName({ type: GENERAL_NAME.dnsName, value })),
    ...ipAddresses.map((address) => new pkijs.GeneralName({ type: GENERAL_NAME.ipAddress, value: new asn1js.OctetString({ valueHex: addressOctets(address) }) })),
  ];
}

const uri = (value: string): pkijs.GeneralName => new pkijs.GeneralName({ type: GENERAL_NAME.uri, value });
