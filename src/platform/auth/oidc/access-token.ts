import { type JWTPayload, jwtVerify, type JWTVerifyGetKey, type JWTVerifyResult, errors } from 'jose';
import { DomainError } from '#libs/kernel';
import type { OidcConfig } from '../../config/index.js';
import { isSubject, type PersonRefusal, refusedPerson } from './person.js';

/** Signatures with a key pair (RFC 7518, section 3.1; RFC 8037; RFC 9864): not `none`, and no HMAC, whose key the issuer would have to share. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** Characters. All headers of a request have 16 KiB. */
const MAX_LENGTH = 8192;

/** How far the issuer's clock may be from ours, in seconds. */
const LEEWAY = 30;

/** Whether it is meant as a JSON Web Token; no API key has a dot. */
export const looksLikeJwt = (credential: string): boolean => credential.includes('.');

/**
 * Verifies an access token (RFC 9068, section 4; RFC 8725): signature, issuer, audience, times, kind.
 * @param keys as jose asks for the issuer's keys
 * @returns its claims, with a `sub` that can stand in an audit row
 * @throws DomainError `unauthenticated` that says what is wrong; what `keys` throws
 */
export async function verifyAccessToken(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, audience }: Pick<OidcConfig, 'issuer' | 'audience'>,
  now: Date,
): Promise<JWTPayload & { sub: string }> {
  if (token.length > MAX_LENGTH) throw refusal(`An access token may have ${MAX_LENGTH} characters: have the issuer put less into it.`);
  let verified: JWTVerifyResult;
  try {
    verified = await jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      issuer,
      audience,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: LEEWAY,
      currentDate: now,
    });
  } catch (error) {
    throw error instanceof DomainError ? error : unverified(error, { issuer, audience });
  }
  const { payload, protectedHeader } = verified;
  if (!isSubject(payload.sub)) throw refusal('The claim "sub" of this access token must be 1 to 255 printable ASCII characters.');
  const other = notAnAccessToken(protectedHeader.typ, payload);
  if (other !== undefined) throw refusal(other, payload, 'not_an_access_token');
  return { ...payload, sub: payload.sub };
}

/** By its type (RFC 8725, section 3.11), and by what only other kinds of tokens hold. An ID token is for a client, and not for an API. */
function notAnAccessToken(typ: string | undefined, { at_hash, c_hash, typ: kind, cnf }: JWTPayload): string | undefined {
  const type = typ?.toLowerCase().replace(/^application\//, '');
  const isOther = type !== undefined && type !== 'at+jwt' && type !== 'jwt';
  // Keycloak says in a claim what a token is: ID, Refresh, Logout, Bearer.
  const isOtherKind = typeof kind === 'string' && kind.toLowerCase() !== 'bearer';
  if (isOther || isOtherKind || at_hash !== undefined || c_hash !== undefined) return 'This is no access token: show the one that the issuer gave for this API.';
  // RFC 7800: whoever shows it has to prove more than that they have it, which nothing here asks for.
  return cnf === undefined ? undefined : 'This access token is bound to a key of its holder, which this API cannot check: ask for one that is not.';
}

/** What was wrong with a token. Of one whose claims are not right the signature was: it is checked first. */
function unverified(error: unknown, { issuer, audience }: Pick<OidcConfig, 'issuer' | 'audience'>): DomainError {
  if (error instanceof errors.JWTExpired) return refusal('This access token has expired: get a new one.', error.payload, 'expired');
  if (!(error instanceof errors.JWTClaimValidationFailed)) {
    // No error of jose's own: a key of the issuer's that cannot be used, such as one of RSA that is too short.
    return refusal(`This is no access token that ${issuer} has signed: its form, algorithm, key or signature is not right.`);
  }
  const { claim, payload } = error;
  if (claim === 'aud') return refusal(`This access token is not meant for this API: its claim "aud" must hold "${audience}".`, payload, 'wrong_audience');
  if (claim === 'iss') return refusal(`The claim "iss" of this access token must be "${issuer}".`, payload, 'wrong_claims');
  if (claim === 'nbf' && error.reason === 'check_failed') return refusal('This access token is not valid yet (claim "nbf").', payload, 'wrong_claims');
  return refusal(`The claim "${claim}" of this access token is missing, or not what it must be.`, payload, 'wrong_claims');
}

/** @param payload of a token whose signature was right */
function refusal(detail: string, payload?: JWTPayload, reason?: PersonRefusal): DomainError {
  const isKnown = reason !== undefined && isSubject(payload?.sub);
  return new DomainError('unauthenticated', detail, { context: isKnown ? refusedPerson(payload!.sub!, reason) : {} });
}
