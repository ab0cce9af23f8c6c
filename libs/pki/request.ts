import { createPublicKey, verify } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import { contextTag, DerError, type DerElement, expectTag, readBitOctets, readDer, readFields, readOid, readUnsigned, TAG } from './der.js';
import { isP256PublicKey } from './keys.js';
import { OID } from './oids.js';

/** A request of ours has some 250 octets, one with names and attributes a few hundred more. */
const MAX_LENGTH = 4096;

/**
 * The public key that a certification request (PKCS #10, RFC 2986, section 4) asks a certificate for, once the request is found to be signed
 * by it: whoever sent it holds the private key. What else it says, its subject and its attributes, is not looked at.
 *
 * @param request in DER
 * @returns SubjectPublicKeyInfo of a P-256 key in DER
 * @throws DomainError `malformed_request` when it cannot be read, is for a key of another kind, or is not signed by it with ECDSA and SHA-256
 */
export function publicKeyOfRequest(request: Uint8Array): Buffer {
  if (request.length > MAX_LENGTH) refuse(`it has ${request.length} octets, and ${MAX_LENGTH} are the most`);
  try {
    return readRequest(Buffer.from(request));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return refuse(`it cannot be read: ${error.message}`, error);
  }
}

function readRequest(der: Buffer): Buffer {
  const [info, algorithm, signature] = readFields(readDer(der), TAG.sequence, 3);
  // Attributes are there even if there are none, says the RFC; some programs leave them out.
  const [version, subject, publicKey, attributes] = readFields(info, TAG.sequence, 3, 4);
  if (readUnsigned(version) !== '00') throw new DerError('it is not of version 1');
  expectTag(subject, TAG.sequence);
  if (attributes !== undefined) expectTag(attributes, contextTag(0, 'constructed'));
  const spki = expectTag(publicKey, TAG.sequence).bytes;
  if (!isP256PublicKey(spki)) refuse('its key is not of the curve P-256');
  if (readOid(readFields(algorithm, TAG.sequence, 1, 2)[0]) !== OID.ecdsaWithSha256) refuse('it is not signed with ECDSA and SHA-256');
  if (!isSignedBy(info!, readBitOctets(signature), spki)) refuse('its own key did not sign it');
  return spki;
}

function isSignedBy(info: DerElement, signature: Buffer, spki: Buffer): boolean {
  try {
    return verify('sha256', info.bytes, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature);
  } catch {
    // The key is no point of its curve, or the signature no pair of numbers.
    return false;
  }
}

function refuse(why: string, cause?: unknown): never {
  throw new DomainError('malformed_request', `The request for a certificate is refused: ${why}. Send PKCS #10 in DER, signed by its own P-256 key.`, { cause });
}
