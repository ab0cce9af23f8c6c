import { createCipheriv, randomBytes } from 'node:crypto';
import type { EncryptionKey, Place } from '../../src/platform/encryption/index.js';

/** Seals as it was done before the tenant belonged to a ciphertext's place. */
export const sealFormat1 = (key: EncryptionKey, plain: string, place: Place): string => `v1:${key.id}:${encrypted(key, Buffer.from(plain), textOf(place)).toString('base64')}`;

/** @param plain of one piece: 64 KiB at most */
export const sealStreamFormat1 = (key: EncryptionKey, plain: Buffer, place: Place): Buffer =>
  Buffer.concat([Buffer.from(`v1:${key.id}:`), encrypted(key, plain, `${textOf(place)}#0.`)]);

const textOf = ({ table, column, rowId }: Place) => `${table}.${column}:${rowId}`;

function encrypted({ key }: EncryptionKey, plain: Buffer, additionalData: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.reveal(), nonce).setAAD(Buffer.from(additionalData));
  const bytes = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), bytes]);
}
