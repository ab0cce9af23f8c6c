import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { DomainError, type Secret } from '#libs/kernel';
import { type ParsedCertificate, parseCertificate } from './certificate.js';
import { encodeAuthorityKeyIdentifier } from './extensions.js';
import { isP256PublicKey, POINT_LENGTH } from './keys.js';
import { encodePem } from './pem.js';

/** A private key in PEM, and a certificate in PEM of the public key that belongs to it. */
export interface IssuerPair {
  certificatePem: string;
  privateKeyPem: Secret;
}

/** A CA that signs: its key and certificate, read once. The key does not show. */
export class Issuer {
  readonly certificatePem: string;
  readonly notAfter: Date;
  /** The extension that what it signs has, in DER. */
  readonly authorityKeyIdentifier: Buffer;
  readonly #key: KeyObject;
  readonly #publicKey: KeyObject;

  constructor(
    readonly certificate: ParsedCertificate,
    key: KeyObject,
    /** As its own certificate says; what it signs repeats it (RFC 5280, section 4.2.1.1). */
    readonly keyIdentifier: Buffer,
  ) {
    this.certificatePem = encodePem('CERTIFICATE', certificate.der);
    this.notAfter = certificate.notAfter;
    this.authorityKeyIdentifier = encodeAuthorityKeyIdentifier(keyIdentifier);
    this.#key = key;
    this.#publicKey = createPublicKey(key);
  }

  /** The ECDSA signature with SHA-256, in DER (RFC 3279, section 2.2.3). */
  sign(data: Uint8Array): Buffer {
    return sign('sha256', data, this.#key);
  }

  hasSigned(data: Uint8Array, signature: Uint8Array): boolean {
    return verify('sha256', data, this.#publicKey, signature);
  }
}

/**
 * Reads a CA that was stored, or that is imported as the root.
 * @throws DomainError `invalid_configuration` when either cannot be read, the two do not belong together, the key is not P-256, or
 * the certificate is not one that may sign certificates.
 */
export function loadIssuer({ certificatePem, privateKeyPem }: IssuerPair): Issuer {
  const certificate = readIssuerCertificate(certificatePem);
  const key = readPrivateKey(privateKeyPem);
  if (!isP256PublicKey(certificate.publicKey)) refuse('its key is not of the curve P-256');
  if (!createPublicKey(key).equals(createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' }))) {
    refuse('its private key belongs to another certificate');
  }
  if (!certificate.isCa || !certificate.keyUsage.includes('keyCertSign')) refuse('it may not sign certificates (basicConstraints CA, keyUsage keyCertSign)');
  const identifier = certificate.subjectKeyIdentifier ?? refuse('it has no subject key identifier');
  return new Issuer(certificate, key, Buffer.from(identifier, 'hex'));
}

/** The first 160 bits of the SHA-256 of the key's point (RFC 7093, section 2, method 1), from a SubjectPublicKeyInfo of P-256. */
export function keyIdentifierOf(publicKey: Uint8Array): Buffer {
  return createHash('sha256').update(publicKey.subarray(-POINT_LENGTH)).digest().subarray(0, 20);
}

function readIssuerCertificate(pem: string): ParsedCertificate {
  try {
    return parseCertificate(pem);
  } catch (error) {
    return refuse(error instanceof DomainError ? error.message : 'it cannot be read', error);
  }
}

function readPrivateKey(pem: Secret): KeyObject {
  try {
    return createPrivateKey(pem.reveal());
  } catch (error) {
    return refuse('its private key cannot be read: unencrypted PEM is expected', error);
  }
}

function refuse(why: string, cause?: unknown): never {
  throw new DomainError('invalid_configuration', `The CA cannot be used: ${why}.`, { cause });
}
