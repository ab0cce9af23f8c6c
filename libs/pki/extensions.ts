import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { addressOctets } from './hosts.js';
import type { CertificateIntent, KeyUsage } from './intent.js';
import { EXTENDED_KEY_USAGE_OID, GENERAL_NAME, KEY_USAGE_BIT, OID } from './oids.js';

interface KeyIdentifiers {
  subject: Buffer;
  /** Undefined for a self-signed certificate, which names no other key. */
  authority: Buffer | undefined;
}

/** The extensions of a certificate, in the order in which they are written. Critical are those that RFC 5280, section 4.2.1, wants so. */
export function extensionsOf(intent: CertificateIntent, keys: KeyIdentifiers): pkijs.Extension[] {
  const { extendedKeyUsage, nameConstraints, crlUrl } = intent;
  const extensions = [
    extension(OID.basicConstraints, true, basicConstraints(intent)),
    extension(OID.keyUsage, true, keyUsageBits(intent.keyUsage)),
    extension(OID.subjectKeyIdentifier, false, octets(keys.subject)),
  ];
  if (keys.authority) extensions.push(authorityKeyIdentifier(keys.authority));
  if (extendedKeyUsage.length > 0) {
    const keyPurposes = extendedKeyUsage.map((usage) => EXTENDED_KEY_USAGE_OID[usage]);
    extensions.push(extension(OID.extendedKeyUsage, false, new pkijs.ExtKeyUsage({ keyPurposes }).toSchema()));
  }
  const names = alternativeNames(intent);
  // Not critical: the subject is never empty, it has the organization even where the common name is left out.
  if (names.length > 0) extensions.push(extension(OID.subjectAltName, false, new pkijs.GeneralNames({ names }).toSchema()));
  if (nameConstraints) {
    const permittedSubtrees = nameConstraints.permittedUriHosts.map((host) => new pkijs.GeneralSubtree({ base: uri(host) }));
    extensions.push(extension(OID.nameConstraints, true, new pkijs.NameConstraints({ permittedSubtrees }).toSchema()));
  }
  if (crlUrl !== undefined) {
    const distributionPoints = [new pkijs.DistributionPoint({ distributionPoint: [uri(crlUrl)] })];
    extensions.push(extension(OID.cRLDistributionPoints, false, new pkijs.CRLDistributionPoints({ distributionPoints }).toSchema()));
  }
  return extensions;
}

/** Which extensions `extensionsOf` writes, as `ParsedCertificate.extensions` shows them. */
export function expectedExtensions(intent: CertificateIntent): string[] {
  const named = intent.spiffeId !== undefined || intent.dnsNames.length > 0 || intent.ipAddresses.length > 0;
  return [
    `${OID.basicConstraints} critical`,
    `${OID.keyUsage} critical`,
    OID.subjectKeyIdentifier,
    ...(intent.kind === 'root_ca' ? [] : [OID.authorityKeyIdentifier]),
    ...(intent.extendedKeyUsage.length > 0 ? [OID.extendedKeyUsage] : []),
    ...(named ? [OID.subjectAltName] : []),
    ...(intent.nameConstraints ? [`${OID.nameConstraints} critical`] : []),
    ...(intent.crlUrl === undefined ? [] : [OID.cRLDistributionPoints]),
  ];
}

export const extension = (extnID: string, critical: boolean, value: asn1js.BaseBlock): pkijs.Extension =>
  new pkijs.Extension({ extnID, critical, extnValue: value.toBER() });

export const authorityKeyIdentifier = (identifier: Buffer): pkijs.Extension =>
  extension(OID.authorityKeyIdentifier, false, new pkijs.AuthorityKeyIdentifier({ keyIdentifier: octets(identifier) }).toSchema());

/** UTCTime to the year 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5). */
export function timeOf(value: Date): pkijs.Time {
  return new pkijs.Time({ type: value.getUTCFullYear() < 2050 ? pkijs.TimeType.UTCTime : pkijs.TimeType.GeneralizedTime, value });
}

/**
 * A name of an organization and, when there is one, a common name, in DER. Built here, as pkijs writes several attributes into one set:
 * `O=acme + CN=leaf` and not `O=acme, CN=leaf`.
 */
export function encodeName(organization: string, commonName: string | undefined): ArrayBuffer {
  const attributes: [string, string][] = [[OID.organization, organization]];
  if (commonName !== undefined) attributes.push([OID.commonName, commonName]);
  const sets = attributes.map(([type, value]) => {
    const pair = [new asn1js.ObjectIdentifier({ value: type }), new asn1js.Utf8String({ value })];
    return new asn1js.Set({ value: [new asn1js.Sequence({ value: pair })] });
  });
  return new asn1js.Sequence({ value: sets }).toBER();
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
    ...ipAddresses.map((address) => new pkijs.GeneralName({ type: GENERAL_NAME.ipAddress, value: octets(addressOctets(address)) })),
  ];
}

const uri = (value: string): pkijs.GeneralName => new pkijs.GeneralName({ type: GENERAL_NAME.uri, value });

const octets = (bytes: Buffer): asn1js.OctetString => new asn1js.OctetString({ valueHex: bytes });
