import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { DomainError, type Random, Secret } from '#libs/kernel';
import { decodeBase32, encodeBase32 } from './base32.js';

/** What a key identifies. The first letter of its public text says so: O, A, U or N. */
export type KeyKind = 'operator' | 'account' | 'user' | 'server';

// Prefix bytes and layout: github.com/nats-io/nkeys, strkey.go. The top five bits become the first base32 letter.
const PREFIX: Record<KeyKind, number> = { operator: 14 << 3, account: 0, user: 20 << 3, server: 13 << 3 };
const SEED_PREFIX = 18 << 3;
const KEY_LENGTH = 32;
const CHECKSUM_LENGTH = 2;

// DER around a raw Ed25519 key: RFC 8410, sections 4 (SubjectPublicKeyInfo) and 7 (PrivateKeyInfo).
const SPKI_HEADER = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');

const kindOfPrefix = (byte: number): KeyKind | undefined =>
  (Object.keys(PREFIX) as KeyKind[]).find((kind) => PREFIX[kind] === byte);

/** CRC-16/XMODEM: polynomial 0x1021, starting at 0 (nkeys, crc16.go). */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

function encodeWithChecksum(bytes: Buffer): string {
  const checksum = Buffer.alloc(CHECKSUM_LENGTH);
  checksum.writeUInt16LE(crc16(bytes));
  return encodeBase32(Buffer.concat([bytes, checksum]));
}

function decodeWithChecksum(text: string, prefixLength: number): Buffer | undefined {
  const bytes = decodeBase32(text);
  if (bytes?.length !== prefixLength + KEY_LENGTH + CHECKSUM_LENGTH) return undefined;
  const body = bytes.subarray(0, -CHECKSUM_LENGTH);
  return crc16(body) === bytes.readUInt16LE(body.length) ? body : undefined;
}

/** The kind of a public key's text (56 letters, checksum included), or undefined when it is no public NATS key. */
export function publicKeyKind(text: string): KeyKind | undefined {
  const bytes = decodeWithChecksum(text, 1);
  return bytes && kindOfPrefix(bytes[0]!);
}

export const isPublicKey = (text: string, kind: KeyKind): boolean => publicKeyKind(text) === kind;

/** @throws DomainError `invalid_configuration` when the text is not the public key of that kind. */
export function assertPublicKey(text: string, kind: KeyKind): void {
  if (!isPublicKey(text, kind)) {
    throw new DomainError('invalid_configuration', `This is not the public NATS key of ${articled(kind)}: ${text}.`);
  }
}

/** An Ed25519 key pair of NATS. The private half shows only in `seed`, which does not print itself. */
export class KeyPair {
  readonly #privateKey: KeyObject;

  constructor(
    readonly kind: KeyKind,
    /** 56 letters of base32, beginning with O, A, U or N. */
    readonly publicKey: string,
    /** 58 letters of base32, beginning with SO, SA, SU or SN. */
    readonly seed: Secret,
    privateKey: KeyObject,
  ) {
    this.#privateKey = privateKey;
  }

  /** The Ed25519 signature, 64 bytes. */
  sign(data: Uint8Array): Buffer {
    return sign(null, data, this.#privateKey);
  }

  verify(data: Uint8Array, signature: Uint8Array): boolean {
    return verifySignature(this.publicKey, data, signature);
  }
}

/** Makes a new key pair of 32 random bytes. */
export function createKeyPair(kind: KeyKind, random: Random): KeyPair {
  return fromRawSeed(kind, random(KEY_LENGTH));
}

/** @throws DomainError `invalid_configuration` when the text is no seed of a known kind; the message does not hold the text. */
export function keyPairFromSeed(seed: Secret): KeyPair {
  const bytes = decodeWithChecksum(seed.reveal(), 2);
  const [first, second] = [bytes?.[0] ?? 0, bytes?.[1] ?? 0];
  const kind = kindOfPrefix(((first & 7) << 5) | (second >>> 3));
  if (!bytes || (first & 0xf8) !== SEED_PREFIX || (second & 7) !== 0 || !kind) {
    throw new DomainError('invalid_configuration', 'A NATS seed could not be read: it is cut off, altered, or not a seed.');
  }
  return fromRawSeed(kind, bytes.subarray(2));
}

/**
 * Whether the key's owner signed the data.
 * @throws DomainError `invalid_configuration` when `publicKey` is no public NATS key.
 */
export function verifySignature(publicKey: string, data: Uint8Array, signature: Uint8Array): boolean {
  const bytes = decodeWithChecksum(publicKey, 1);
  if (!bytes || !kindOfPrefix(bytes[0]!)) {
    throw new DomainError('invalid_configuration', `This is not a public NATS key: ${publicKey}.`);
  }
  const key = createPublicKey({ key: Buffer.concat([SPKI_HEADER, bytes.subarray(1)]), format: 'der', type: 'spki' });
  return verify(null, data, key, signature);
}

function fromRawSeed(kind: KeyKind, raw: Buffer): KeyPair {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, raw]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const prefix = PREFIX[kind];
  const publicKey = encodeWithChecksum(Buffer.concat([Buffer.of(prefix), spki.subarray(SPKI_HEADER.length)]));
  const seedPrefix = Buffer.of(SEED_PREFIX | (prefix >>> 5), (prefix & 31) << 3);
  return new KeyPair(kind, publicKey, new Secret(encodeWithChecksum(Buffer.concat([seedPrefix, raw]))), privateKey);
}

const articled = (kind: KeyKind): string => `${kind === 'operator' || kind === 'account' ? 'an' : 'a'} ${kind}`;
