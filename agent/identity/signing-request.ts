import { generateKeyPairSync, sign } from 'node:crypto';

/** A new key, and what asks for a certificate for it. */
export interface SigningRequest {
  /** PKCS#8 (RFC 5958) in PEM. */
  keyPem: string;
  /** PKCS#10 (RFC 2986) in DER. */
  csr: Buffer;
}

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
/** INTEGER 0: version 1, the only one. */
const VERSION = Buffer.of(0x02, 1, 0);
/** `[0]`, empty: the gateway knows who asks, and takes nothing from attributes. */
const NO_ATTRIBUTES = Buffer.of(0xa0, 0);
/** SEQUENCE of the OID 1.2.840.10045.4.3.2, ecdsa-with-SHA256 (RFC 5758, section 3.2). */
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');

/**
 * Makes a P-256 key and a request for it with an empty subject: the gateway takes the public key, and the rest from the certificate that
 * asks. The request has five fields, which are written here; a library of ASN.1 would be a tenth of the agent.
 */
export function signingRequest(): SigningRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const info = element(SEQUENCE, VERSION, element(SEQUENCE), publicKey.export({ type: 'spki', format: 'der' }), NO_ATTRIBUTES);
  const signature = sign('sha256', info, privateKey);
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    csr: element(SEQUENCE, info, ECDSA_WITH_SHA256, element(BIT_STRING, Buffer.of(0), signature)),
  };
}

/** An element in DER (X.690) of fewer than 65,536 octets. */
function element(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const octets = length < 0x100 ? [length] : [length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, 0x80 | octets.length, ...octets), content]);
}
