import { createHash, timingSafeEqual } from 'node:crypto';
import { type Random, Secret } from '#libs/kernel';

const FORMAT = /^sr_(?<keyId>[A-Za-z0-9]{8,32})_(?<secret>[A-Za-z0-9_-]{32,128})$/;

const KEY_ID_BYTES = 8;
const SECRET_BYTES = 32;

/** An API key as it is shown, once: `sr_<key id>_<secret>`. The key id is public, of the secret only the hash is stored. */
export interface ApiKeyParts {
  keyId: string;
  secret: Secret;
}

export function newApiKey(random: Random): ApiKeyParts {
  return {
    keyId: random(KEY_ID_BYTES).toString('hex'),
    secret: new Secret(random(SECRET_BYTES).toString('base64url')),
  };
}

export const formatApiKey = ({ keyId, secret }: ApiKeyParts): string => `sr_${keyId}_${secret.reveal()}`;

export function parseApiKey(text: string): ApiKeyParts | undefined {
  const groups = FORMAT.exec(text)?.groups;
  return groups && { keyId: groups.keyId!, secret: new Secret(groups.secret!) };
}

/** SHA-256, hex: the secret is random, so there is nothing to guess and nothing to stretch. */
export const hashSecret = (secret: Secret): string => createHash('sha256').update(secret.reveal()).digest('hex');

export const secretMatches = (secret: Secret, hash: string): boolean =>
  timingSafeEqual(Buffer.from(hashSecret(secret)), Buffer.from(hash));
