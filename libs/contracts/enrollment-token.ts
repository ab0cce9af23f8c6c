import { type KeyObject, verify } from 'node:crypto';

/** What a collector's host is handed: where its package is, and what to show there. Whoever holds it can fetch the package, once. */
export interface EnrollmentTicket {
  /** Base URL of the API, `https://host/api` or so; http or https. */
  apiUrl: string;
  /** A UUID. */
  packageId: string;
  /** The download token. */
  secret: string;
  /** Whole seconds go over the wire; a fraction is dropped. */
  expiresAt: Date;
  /** Name of the file that the collector reads, without a folder. */
  configFile?: string;
}

/** Why a token was refused. `bad_signature` and `expired` are said of well-formed ones only. */
export type EnrollmentTokenFault = 'malformed' | 'bad_signature' | 'expired';

/** A token that was refused. The message never holds any of it. */
export class EnrollmentTokenError extends Error {
  constructor(
    readonly fault: EnrollmentTokenFault,
    message: string,
  ) {
    super(message);
    this.name = 'EnrollmentTokenError';
  }
}

export const ENROLLMENT_TOKEN_PREFIX = 'collectorpkg-v2:';

/** Longer ones are refused unread. */
const MAX_LENGTH = 4096;
/** RFC 8032, section 5.1.6. */
const SIGNATURE_BYTES = 64;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Visible ASCII but what quotes: it becomes part of a command line. */
const SECRET = /^[A-Za-z0-9._~+/=-]{1,512}$/;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const FIELDS = ['u', 'p', 't', 'e', 'f'];
/** The last second that a Date can hold (ECMA-262, 21.4.1.1). */
const MAX_SECONDS = 8.64e12;

/**
 * `collectorpkg-v2:<base64url(JSON {u,p,t,e,f})>.<base64url(Ed25519 signature of the JSON)>`; base64url (RFC 4648, section 5) without padding.
 *
 * @param sign gives the Ed25519 signature (RFC 8032) of these bytes
 * @throws EnrollmentTokenError `malformed` when the ticket is one that `parseEnrollmentToken` would refuse
 */
export function formatEnrollmentToken(ticket: EnrollmentTicket, sign: (bytes: Buffer) => Buffer): string {
  const { apiUrl, packageId, secret, expiresAt, configFile } = ticket;
  const fields = { u: apiUrl, p: packageId, t: secret, e: Math.floor(expiresAt.getTime() / 1000), f: configFile };
  const payload = Buffer.from(JSON.stringify(fields));
  readFields(payload);
  const token = `${ENROLLMENT_TOKEN_PREFIX}${payload.toString('base64url')}.${sign(payload).toString('base64url')}`;
  if (token.length > MAX_LENGTH) throw malformed('it is too long');
  return token;
}

/**
 * Reads a token after its signature was found to be right. Nothing of it is to be used otherwise.
 *
 * @param publicKeyPem the key of `/api/pki/enrollment-key`, Ed25519
 * @param now a token is refused from the second on that it names
 * @throws EnrollmentTokenError
 */
export function parseEnrollmentToken(token: string, publicKeyPem: string | KeyObject, now: Date): EnrollmentTicket {
  if (token.length > MAX_LENGTH || !token.startsWith(ENROLLMENT_TOKEN_PREFIX)) throw malformed(`it does not begin with ${ENROLLMENT_TOKEN_PREFIX}`);
  const parts = token.slice(ENROLLMENT_TOKEN_PREFIX.length).split('.');
  if (parts.length !== 2) throw malformed('it does not have two parts');
  const [payload, signature] = parts.map(decode) as [Buffer, Buffer];
  if (signature.length !== SIGNATURE_BYTES) throw malformed('its signature has another length');
  if (!verify(null, payload, publicKeyPem, signature)) {
    throw new EnrollmentTokenError('bad_signature', 'This enrollment token was not signed by this service, or was changed. Ask for a new one.');
  }
  const ticket = readFields(payload);
  if (ticket.expiresAt <= now) {
    throw new EnrollmentTokenError('expired', `This enrollment token expired at ${ticket.expiresAt.toISOString()}. Ask for a new one.`);
  }
  return ticket;
}

/** Strict: each text is the one encoding of its bytes, so that no two tokens are the same one. */
function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw malformed('it is not base64url');
  return bytes;
}

function readFields(payload: Buffer): EnrollmentTicket {
  const fields = readObject(payload);
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) throw malformed('it has a field that is not known');
  const { u, p, t, e, f } = fields;
  if (typeof u !== 'string' || !isApiUrl(u)) throw malformed('it names no URL of the API');
  if (typeof p !== 'string' || !UUID.test(p)) throw malformed('it names no package');
  if (typeof t !== 'string' || !SECRET.test(t)) throw malformed('it has no secret');
  if (typeof e !== 'number' || !Number.isInteger(e) || e < 0 || e > MAX_SECONDS) throw malformed('it does not say when it expires');
  if (f !== undefined && (typeof f !== 'string' || !FILE_NAME.test(f))) throw malformed('it names no file');
  return { apiUrl: u, packageId: p, secret: t, expiresAt: new Date(e * 1000), ...(f !== undefined && { configFile: f }) };
}

function readObject(payload: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    throw malformed('it holds no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('it holds no object');
  return value as Record<string, unknown>;
}

function isApiUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && [username, password, search, hash].every((part) => part === '');
}

const malformed = (why: string): EnrollmentTokenError =>
  new EnrollmentTokenError('malformed', `This is not an enrollment token: ${why}. Copy all of it, or ask for a new one.`);
