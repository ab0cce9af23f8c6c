import { createHash } from 'node:crypto';
import { type Clock, DomainError } from '#libs/kernel';
import { encodeBase32 } from './base32.js';
import type { AccountClaims, Claims, OperatorClaims, UserClaims } from './claims.js';
import { isPublicKey, type KeyKind, type KeyPair, verifySignature } from './nkeys.js';

// Both as the Go library writes them (github.com/nats-io/jwt, v2/header.go).
const HEADER = encode({ typ: 'JWT', alg: 'ed25519-nkey' });
const VERSION = 2;

type ClaimsType = Claims['nats']['type'];

/** Who may sign what (v2, ExpectedPrefixes). Operators sign accounts and themselves, accounts sign users. */
const ISSUER: Record<ClaimsType, KeyKind> = { operator: 'operator', account: 'operator', user: 'account' };

/** What the caller of `signClaims` states; the rest follows from the signer and the clock. */
export interface UnsignedClaims<T extends Claims> {
  name: string;
  subject: string;
  /** From this moment on the JWT is refused; without it, never. */
  expiresAt?: Date;
  nats: T['nats'];
}

/**
 * Encodes and signs a NATS JWT of version 2 (`ed25519-nkey`). The same claims, signer and second give the same text.
 *
 * `jti` is the base32 SHA-512/256 of the claims, as in the Go library, but of all of them: hashed over the standard ones alone, two
 * editions of an account made within a second would share it, and a full resolver takes the second for the first
 * (nats-server, server/dirstore.go, saveIfNewer).
 *
 * @throws DomainError `invalid_configuration` when the subject or the signer is of the wrong kind, the name is empty, or the end is not
 * after 1970.
 */
export function signClaims<T extends Claims>(unsigned: UnsignedClaims<T>, signer: KeyPair, clock: Clock): string {
  const { type } = unsigned.nats;
  if (!isPublicKey(unsigned.subject, type)) throw invalid(`The subject of the ${type} JWT is not the public key of one.`);
  if (signer.kind !== ISSUER[type]) throw invalid(`The ${type} JWT cannot be signed by a key of kind ${signer.kind}.`);
  if (unsigned.name === '') throw invalid(`The ${type} JWT needs a name.`);
  // Servers take 0, and whatever JSON writes as null, for "never".
  if (unsigned.expiresAt && !(unixSeconds(unsigned.expiresAt) > 0)) throw invalid(`The ${type} JWT cannot end at ${unsigned.expiresAt.getTime()} ms.`);
  // In the order of the Go structures, so that the output of both can be compared.
  const build = (jti: string | undefined): object => ({
    exp: unsigned.expiresAt && unixSeconds(unsigned.expiresAt),
    jti,
    iat: unixSeconds(clock.now()),
    iss: signer.publicKey,
    name: unsigned.name,
    sub: unsigned.subject,
    nats: unsigned.nats,
  });
  const jti = encodeBase32(createHash('sha512-256').update(JSON.stringify(build(undefined))).digest());
  const signed = `${HEADER}.${encode(build(jti))}`;
  return `${signed}.${signer.sign(Buffer.from(signed)).toString('base64url')}`;
}

/**
 * The claims of an operator's JWT, its signature checked.
 * @param trusted the keys that may have issued it; without it, any: then only the signature says that `iss` made it.
 * @throws DomainError `invalid_configuration` when it is malformed, of another type, altered, or issued by somebody else. Expiry is
 * not judged here.
 */
export const decodeOperator = (jwt: string, trusted?: readonly string[]): OperatorClaims => decode('operator', jwt, trusted);

/** As `decodeOperator`, for an account's JWT. */
export const decodeAccount = (jwt: string, trusted?: readonly string[]): AccountClaims => decode('account', jwt, trusted);

/** As `decodeOperator`, for a user's JWT. */
export const decodeUser = (jwt: string, trusted?: readonly string[]): UserClaims => decode('user', jwt, trusted);

/**
 * As `decodeUser`, of a JWT that was just signed: its signature is not checked.
 * @throws DomainError `invalid_configuration` when it is malformed, or of another type
 */
export const readUser = (jwt: string): UserClaims => read<UserClaims>('user', jwt).claims;

export const unixSeconds = (date: Date): number => Math.floor(date.getTime() / 1000);

function decode<T extends Claims>(type: T['nats']['type'], jwt: string, trusted: readonly string[] | undefined): T {
  const { claims, signed, signature } = read<T>(type, jwt);
  if (!verifySignature(claims.iss, Buffer.from(signed), Buffer.from(signature, 'base64url'))) {
    throw invalid(`The signature of the ${type} JWT is not that of its issuer.`);
  }
  if (trusted && !trusted.includes(claims.iss)) throw invalid(`The ${type} JWT was issued by a key that is not trusted: ${claims.iss}.`);
  return claims;
}

function read<T extends Claims>(type: T['nats']['type'], jwt: string): { claims: T; signed: string; signature: string } {
  const [header, payload, signature, ...rest] = jwt.split('.');
  if (header !== HEADER || !payload || !signature || rest.length > 0) throw invalid(`The ${type} JWT is not a NATS JWT of version 2.`);
  const claims = parse(payload);
  if (!isClaims<T>(claims, type)) throw invalid(`The JWT does not hold the claims of a NATS ${type}.`);
  return { claims, signed: `${header}.${payload}`, signature };
}

function isClaims<T extends Claims>(value: unknown, type: ClaimsType): value is T {
  if (!isObject(value) || !isObject(value.nats)) return false;
  const { iss, sub, iat, jti, exp, nats } = value;
  return (
    nats.type === type &&
    nats.version === VERSION &&
    typeof iss === 'string' &&
    isPublicKey(iss, ISSUER[type]) &&
    typeof sub === 'string' &&
    isPublicKey(sub, type) &&
    typeof jti === 'string' &&
    Number.isSafeInteger(iat) &&
    (exp === undefined || Number.isSafeInteger(exp))
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(payload: string): unknown {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const invalid = (message: string): DomainError => new DomainError('invalid_configuration', message);
