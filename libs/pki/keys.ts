import { generateKeyPairSync } from 'node:crypto';
import { Secret } from '#libs/kernel';
import { encodePem } from './pem.js';

export interface KeyPair {
  /** PKCS#8 (RFC 5958) in PEM (RFC 7468). */
  readonly privateKeyPem: Secret;
  /** SubjectPublicKeyInfo in DER (RFC 5480), 91 octets. */
  readonly publicKey: Buffer;
}

/** An uncompressed P-256 point: 04, x, y (RFC 5480, section 2.2). */
export const POINT_LENGTH = 65;

/** What stands before the point in the SubjectPublicKeyInfo of every P-256 key. */
const SPKI_HEADER = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/**
 * Makes a P-256 key pair, with the randomness of OpenSSL.
 *
 * Synchronous: it takes 80 microseconds, of which a trip to the thread pool would cost as much again (WebCrypto: 150).
 * The public key is cut from the PKCS#8, whose last field it is, as exporting it apart would take another 40.
 */
export function generateKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  return {
    privateKeyPem: new Secret(encodePem('PRIVATE KEY', pkcs8)),
    publicKey: Buffer.concat([SPKI_HEADER, pkcs8.subarray(-POINT_LENGTH)]),
  };
}

/** Whether the octets are the SubjectPublicKeyInfo of a P-256 key with an uncompressed point. Not whether the point is on the curve. */
export function isP256PublicKey(spki: Uint8Array): boolean {
  return spki.length === SPKI_HEADER.length + POINT_LENGTH && SPKI_HEADER.equals(spki.subarray(0, SPKI_HEADER.length)) && spki[SPKI_HEADER.length] === 4;
}
