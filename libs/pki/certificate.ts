import { createHash } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import {
  contextTag, type DerElement, DerError, expectTag, readBitOctets, readBits, readBoolean, readDer, readElements, readFields, readOid, readTime, readUnsigned, TAG,
} from './der.js';
import { addressFromOctets } from './hosts.js';
import { EXTENDED_KEY_USAGE_OID, GENERAL_NAME, KEY_USAGE_BIT, OID } from './oids.js';
import { decodeCertificate } from './pem.js';
import { parseSpiffeId } from './spiffe.js';

/** A name (RFC 5280, section 4.1.2.4). */
export interface DistinguishedName {
  readonly organization: string | undefined;
  readonly commonName: string | undefined;
  /** Every attribute in order as `type=value`, the type as an OID; several in one set are joined by `+`. */
  readonly attributes: readonly string[];
  readonly der: Buffer;
}

/** What a certificate says. Names of usages are those of RFC 5280; what has none here stays a bit number or an OID. */
export interface ParsedCertificate {
  readonly der: Buffer;
  /** SHA-256 of the DER, 64 lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
  /** Lower-case hexadecimal, two digits an octet. */
  readonly serialNumber: string;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  /** The SPIFFE ID of this trust domain, when it is the only URI (X509-SVID, section 2: exactly one). */
  readonly spiffeId: string | undefined;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** How many alternative names are of another type than the three above. */
  readonly otherNames: number;
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
  readonly keyUsage: readonly string[];
  readonly extendedKeyUsage: readonly string[];
  /** As `permitted URI:host`, `excluded 2:…`. */
  readonly nameConstraints: readonly string[];
  readonly crlUrls: readonly string[];
  /** Lower-case hexadecimal. */
  readonly subjectKeyIdentifier: string | undefined;
  readonly authorityKeyIdentifier: string | undefined;
  /** Every extension in order: its OID, with ` critical` after it when it is. */
  readonly extensions: readonly string[];
  /** The OID of the algorithm that the issuer signed with. */
  readonly signatureAlgorithm: string;
  /** The octets that are signed. */
  readonly tbs: Buffer;
  readonly signature: Buffer;
}

/**
 * Reads an X.509 version 3 certificate (RFC 5280, section 4.1), given in PEM or DER. It checks the form only: no signature, no time.
 * @throws DomainError `malformed_request` when it cannot be read.
 */
export function parseCertificate(certificate: string | Uint8Array): ParsedCertificate {
  const der = typeof certificate === 'string' ? decodeCertificate(certificate) : Buffer.from(certificate);
  try {
    return readCertificate(der);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new DomainError('malformed_request', `The certificate cannot be read: ${error.message}.`, { cause: error });
  }
}

function readCertificate(der: Buffer): ParsedCertificate {
  const [tbs, algorithm, signature] = readFields(readDer(der), TAG.sequence, 3);
  const [version, serialNumber, tbsAlgorithm, issuer, validity, subject, publicKey, extensions] = readFields(tbs, TAG.sequence, 7, 8);
  // Version 1 does not say which it is: its first field is the serial number.
  const [versionNumber] = version?.tag === TAG.integer ? [] : readFields(version, contextTag(0, 'constructed'), 1);
  if (versionNumber === undefined || readUnsigned(versionNumber) !== '02') throw new DerError('it is not of version 3');
  if (!tbsAlgorithm || !algorithm || !tbsAlgorithm.bytes.equals(algorithm.bytes)) throw new DerError('its two signature algorithms differ');
  const [notBefore, notAfter] = readFields(validity, TAG.sequence, 2);
  const read = readExtensions(extensions);
  return {
    der,
    fingerprintSha256: createHash('sha256').update(der).digest('hex'),
    serialNumber: readUnsigned(serialNumber),
    issuer: readName(expectTag(issuer, TAG.sequence)),
    subject: readName(expectTag(subject, TAG.sequence)),
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    publicKey: expectTag(publicKey, TAG.sequence).bytes,
    ...readAlternativeNames(read.get(OID.subjectAltName)),
    ...readBasicConstraints(read.get(OID.basicConstraints)),
    keyUsage: readKeyUsage(read.get(OID.keyUsage)),
    extendedKeyUsage: readExtendedKeyUsage(read.get(OID.extendedKeyUsage)),
    nameConstraints: readNameConstraints(read.get(OID.nameConstraints)),
    crlUrls: readCrlUrls(read.get(OID.cRLDistributionPoints)),
    subjectKeyIdentifier: readSubjectKeyIdentifier(read.get(OID.subjectKeyIdentifier)),
    authorityKeyIdentifier: readAuthorityKeyIdentifier(read.get(OID.authorityKeyIdentifier)),
    extensions: [...read].map(([oid, { critical }]) => (critical ? `${oid} critical` : oid)),
    signatureAlgorithm: readOid(readFields(algorithm, TAG.sequence, 1, 2)[0]),
    tbs: expectTag(tbs, TAG.sequence).bytes,
    signature: readBitOctets(signature),
  };
}

function readName(name: DerElement): DistinguishedName {
  const values = new Map<string, string>();
  const attributes = readElements(name, TAG.sequence).map((set) =>
    readElements(set, TAG.set)
      .map((attribute) => {
        const [type, value] = readFields(attribute, TAG.sequence, 2);
        const oid = readOid(type);
        const text = readText(value);
        values.set(oid, text);
        return `${oid}=${text}`;
      })
      .join('+'),
  );
  return { organization: values.get(OID.organization), commonName: values.get(OID.commonName), attributes, der: name.bytes };
}

function readText(element: DerElement | undefined): string {
  if (element?.tag === TAG.bmpString && element.content.length % 2 === 0) return Buffer.from(element.content).swap16().toString('utf16le');
  if (element?.tag === TAG.teletexString) return element.content.toString('latin1');
  return element?.content.toString('utf8') ?? '';
}

interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

function readExtensions(element: DerElement | undefined): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  if (!element) return extensions;
  const [list] = readFields(element, contextTag(3, 'constructed'), 1);
  for (const extension of readElements(expectTag(list, TAG.sequence), TAG.sequence)) {
    const [id, ...rest] = readFields(extension, TAG.sequence, 2, 3);
    const oid = readOid(id);
    const critical = rest.length === 2 && readTrue(rest[0]!);
    if (extensions.has(oid)) throw new DerError(`it has the extension ${oid} twice`);
    extensions.set(oid, { critical, value: expectTag(rest.at(-1), TAG.octetString).content });
  }
  return extensions;
}

/** A BOOLEAN whose default is FALSE: DER leaves that out (X.690, section 11.5). */
function readTrue(element: DerElement): true {
  if (!readBoolean(element)) throw new DerError('a default that is written out');
  return true;
}

function readAlternativeNames(extension: Extension | undefined): Pick<ParsedCertificate, 'spiffeId' | 'uris' | 'dnsNames' | 'ipAddresses' | 'otherNames'> {
  const names = extension ? readElements(readDer(extension.value), TAG.sequence) : [];
  const ofType = (number: number): DerElement[] => names.filter(({ tag }) => tag === contextTag(number, 'primitive'));
  const texts = (number: number): string[] => ofType(number).map(({ content }) => content.toString('latin1'));
  const [uris, dnsNames] = [texts(GENERAL_NAME.uri), texts(GENERAL_NAME.dnsName)];
  const ipAddresses = ofType(GENERAL_NAME.ipAddress).flatMap(({ content }) => addressFromOctets(content) ?? []);
  const [only] = uris;
  const spiffeId = uris.length === 1 && only !== undefined && parseSpiffeId(only) ? only : undefined;
  return { spiffeId, uris, dnsNames, ipAddresses, otherNames: names.length - uris.length - dnsNames.length - ipAddresses.length };
}

function readBasicConstraints(extension: Extension | undefined): Pick<ParsedCertificate, 'isCa' | 'pathLength'> {
  const fields = extension ? readFields(readDer(extension.value), TAG.sequence, 0, 2) : [];
  const isCa = fields[0] !== undefined && readTrue(fields[0]);
  return { isCa, pathLength: fields[1] ? Number.parseInt(readUnsigned(fields[1]), 16) : undefined };
}

const KEY_USAGE_OF_BIT = new Map(Object.entries(KEY_USAGE_BIT).map(([usage, bit]) => [bit, usage]));
const EXTENDED_KEY_USAGE_OF_OID = new Map(Object.entries(EXTENDED_KEY_USAGE_OID).map(([usage, oid]) => [oid, usage]));

const readKeyUsage = (extension: Extension | undefined): string[] =>
  extension ? readBits(readDer(extension.value)).map((bit) => KEY_USAGE_OF_BIT.get(bit) ?? `bit ${bit}`) : [];

const readExtendedKeyUsage = (extension: Extension | undefined): string[] =>
  extension ? readElements(readDer(extension.value), TAG.sequence).map(readOid).map((oid) => EXTENDED_KEY_USAGE_OF_OID.get(oid) ?? oid) : [];

function readNameConstraints(extension: Extension | undefined): string[] {
  const subtrees = extension ? readElements(readDer(extension.value), TAG.sequence) : [];
  return subtrees.flatMap((list) => {
    const verb = list.tag === contextTag(0, 'constructed') ? 'permitted' : 'excluded';
    if (verb === 'excluded') expectTag(list, contextTag(1, 'constructed'));
    return readElements(list, list.tag).map((subtree) => {
      // A minimum or maximum would be a further element: RFC 5280 forbids both, and joined here they make the text differ.
      const [base, ...bounds] = readElements(subtree, TAG.sequence);
      const uri = base?.tag === contextTag(GENERAL_NAME.uri, 'primitive');
      const text = uri ? `URI:${base.content.toString('latin1')}` : `${(base?.tag ?? 0) & 0x1f}:${base?.content.toString('hex') ?? ''}`;
      return [`${verb} ${text}`, ...bounds.map(({ bytes }) => bytes.toString('hex'))].join(' ');
    });
  });
}

function readCrlUrls(extension: Extension | undefined): string[] {
  const points = extension ? readElements(readDer(extension.value), TAG.sequence) : [];
  return points.flatMap((point) =>
    readElements(point, TAG.sequence)
      .filter(({ tag }) => tag === contextTag(0, 'constructed'))
      .flatMap((name) => readElements(name, name.tag))
      .flatMap((fullName) => readElements(fullName, contextTag(0, 'constructed')))
      .filter(({ tag }) => tag === contextTag(GENERAL_NAME.uri, 'primitive'))
      .map(({ content }) => content.toString('latin1')),
  );
}

const readSubjectKeyIdentifier = (extension: Extension | undefined): string | undefined =>
  extension && expectTag(readDer(extension.value), TAG.octetString).content.toString('hex');

const readAuthorityKeyIdentifier = (extension: Extension | undefined): string | undefined =>
  extension &&
  readElements(readDer(extension.value), TAG.sequence)
    .find(({ tag }) => tag === contextTag(0, 'primitive'))
    ?.content.toString('hex');
