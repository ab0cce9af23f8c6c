import * as asn1js from 'asn1js';
import { encodeConstructed, encodePrimitive, TAG } from './der.js';
import { OID } from './oids.js';

/**
 * The parts that certificates and CRLs are made of, in DER. pkijs builds what is intricate (the values of extensions); what is plain,
 * and in every certificate, is written directly, which takes a tenth of the time.
 */

/** @param value What the library has built, or an element that is already encoded. */
export function extension(oid: string, critical: boolean, value: asn1js.BaseBlock | Buffer): Buffer {
  const encoded = Buffer.isBuffer(value) ? value : Buffer.from(value.toBER());
  return encodeConstructed([encodeOid(oid), ...(critical ? [TRUE] : []), encodePrimitive(TAG.octetString, encoded)]);
}

/** UTCTime to the year 2049, GeneralizedTime after; whole seconds, to which the time is cut (RFC 5280, section 4.1.2.5). */
export function encodeTime(time: Date): Buffer {
  const digits = time.toISOString().replace(/[-:T]|\..*/g, '');
  const short = time.getUTCFullYear() < 2050;
  return encodePrimitive(short ? TAG.utcTime : TAG.generalizedTime, Buffer.from(`${short ? digits.slice(2) : digits}Z`));
}

/**
 * A name of an organization and, when there is one, a common name, each in a set of its own. (pkijs would write both into one set:
 * `O=acme + CN=leaf` and not `O=acme, CN=leaf`.)
 */
export function encodeName(organization: string, commonName: string | undefined): Buffer {
  const attributes = [encodeAttribute(OID.organization, organization)];
  if (commonName !== undefined) attributes.push(encodeAttribute(OID.commonName, commonName));
  return encodeConstructed(attributes);
}

function encodeAttribute(oid: string, value: string): Buffer {
  return encodeConstructed([encodeConstructed([encodeOid(oid), encodePrimitive(TAG.utf8String, Buffer.from(value))])], TAG.set);
}

/** A positive INTEGER or zero of octets, the most significant first. */
export function encodeUnsigned(octets: Uint8Array): Buffer {
  const start = octets.findIndex((octet) => octet !== 0);
  const shortest = start === -1 ? Buffer.of(0) : octets.subarray(start);
  return encodePrimitive(TAG.integer, shortest[0]! < 0x80 ? shortest : Buffer.concat([Buffer.of(0), shortest]));
}

/** A BIT STRING of whole octets. */
export const encodeBitOctets = (octets: Uint8Array): Buffer => encodePrimitive(TAG.bitString, Buffer.concat([Buffer.of(0), octets]));

const TRUE = Buffer.of(TAG.boolean, 1, 0xff);

const encodedOids = new Map<string, Buffer>();

/** Each object identifier is encoded once; there are as many as `OID` has. */
function encodeOid(oid: string): Buffer {
  const known = encodedOids.get(oid);
  if (known) return known;
  const encoded = Buffer.from(new asn1js.ObjectIdentifier({ value: oid }).toBER());
  encodedOids.set(oid, encoded);
  return encoded;
}

/** The AlgorithmIdentifier of the one signature algorithm in use. RFC 5758, section 3.2: no parameters. */
export const ECDSA_WITH_SHA256 = encodeConstructed([encodeOid(OID.ecdsaWithSha256)]);

/** A TBSCertificate or TBSCertList with its signature behind it. */
export function withSignature(tbs: Uint8Array, signature: Uint8Array): Buffer {
  return encodeConstructed([tbs, ECDSA_WITH_SHA256, encodeBitOctets(signature)]);
}
