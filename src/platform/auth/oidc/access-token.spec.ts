import { KeyObject, sign } from 'node:crypto';
import { createLocalJWKSet, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import fc from 'fast-check';
import { DomainError } from '#libs/kernel';
import { looksLikeJwt, verifyAccessToken } from './access-token.js';

const ISSUER = 'https://login.example';
const AUDIENCE = 'https://edge.example/api';
const NOW = new Date('2026-11-26T12:00:00Z');
const seconds = (fromNow: number) => NOW.getTime() / 1000 + fromNow;
const right = { iss: ISSUER, aud: AUDIENCE, sub: 'erika', exp: seconds(300) };

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const rsa = await generateKeyPair('RS256', { extractable: true });
const jwks = [
  { ...(await exportJWK(publicKey)), kid: 'ec' },
  { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' },
];
const keys = createLocalJWKSet({ keys: jwks });

const signed = (claims: JWTPayload, header: object = {}) => new SignJWT({ ...right, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'ec', ...header }).sign(privateKey);
const verify = (token: string, issuerKeys = keys) => verifyAccessToken(token, issuerKeys, { issuer: ISSUER, audience: AUDIENCE }, NOW);

async function refusal(token: string | Promise<string>): Promise<DomainError> {
  const error: unknown = await verify(await token).catch((error: unknown) => error);
  if (!(error instanceof DomainError)) throw new Error(`It was not refused, but: ${String(error)}`);
  expect(error.code).toBe('unauthenticated');
  return error;
}

const isUnsigned = (error: DomainError) =>
  expect([error.message, error.context]).toEqual(['This is no access token that https://login.example has signed: its form, algorithm, key or signature is not right.', {}]);

describe('an access token', () => {
  it.each([
    ['of type at+jwt', {}, { typ: 'at+jwt' }],
    ['of type application/at+jwt', {}, { typ: 'application/AT+JWT' }],
    ['of type JWT', {}, { typ: 'JWT' }],
    ['of no type', {}, {}],
    ['that Keycloak calls a bearer token', { typ: 'Bearer' }, { typ: 'JWT' }],
    ['for several, this API among them', { aud: ['account', AUDIENCE] }, {}],
    ['that expired within the leeway', { exp: seconds(-29) }, {}],
    ['that begins within the leeway', { nbf: seconds(30) }, {}],
  ])('%s is good', async (_what, claims, header) => {
    expect(await verify(await signed(claims, header))).toMatchObject({ sub: 'erika' });
  });

  it.each([
    ['that has expired', { exp: seconds(-31) }, /has expired: get a new one/, 'expired'],
    ['that begins later', { nbf: seconds(31) }, /not valid yet/, 'wrong_claims'],
    ['without an end', { exp: undefined }, /"exp"/, 'wrong_claims'],
    ['whose end is a text', { exp: '2099' as unknown as number }, /"exp"/, 'wrong_claims'],
    ['for another API', { aud: 'https://other.example' }, /"aud" must hold "https:\/\/edge.example\/api"/, 'wrong_audience'],
    ['for a client, as ID tokens are', { aud: 'console' }, /"aud"/, 'wrong_audience'],
    ['for nobody', { aud: undefined }, /"aud"/, 'wrong_audience'],
    ['for an audience of which this API is a part', { aud: `${AUDIENCE}/more` }, /"aud"/, 'wrong_audience'],
    ['of another issuer', { iss: 'https://evil.example' }, /"iss" of this access token must be "https:\/\/login.example"/, 'wrong_claims'],
    ['of the issuer with a slash', { iss: `${ISSUER}/` }, /"iss"/, 'wrong_claims'],
    ['of no issuer', { iss: undefined }, /"iss"/, 'wrong_claims'],
    ['that is an ID token', { at_hash: 'x' }, /no access token/, 'not_an_access_token'],
    ['that is an ID token of Keycloak’s', { typ: 'ID' }, /no access token/, 'not_an_access_token'],
    ['that is a refresh token of Keycloak’s', { typ: 'Refresh' }, /no access token/, 'not_an_access_token'],
    ['that is bound to a key', { cnf: { jkt: 'x' } }, /bound to a key/, 'not_an_access_token'],
  ])('%s is refused, and its person is known', async (_what, claims, message, reason) => {
    const { message: said, context } = await refusal(signed(claims));
    expect(said).toMatch(message);
    expect(context).toEqual({ refusedPerson: { sub: 'erika', tenantId: null, reason } });
  });

  it.each(['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'id_token'])('of type %s is refused', async (typ) => {
    expect((await refusal(signed({}, { typ }))).message).toMatch(/no access token/);
  });

  it.each([undefined, '', 'a\nb', 'müller', 'x'.repeat(256)])('about %j is refused, and about nobody who is known', async (sub) => {
    const { message, context } = await refusal(signed({ sub }));
    expect([message, context]).toEqual([expect.stringContaining('"sub"'), {}]);
  });
});

describe('what nobody has signed', () => {
  it('is refused without an algorithm', async () => {
    isUnsigned(await refusal(new UnsecuredJWT(right).encode()));
    const [header, payload] = (await signed({})).split('.');
    const none = Buffer.from('{"alg":"none","kid":"ec"}').toString('base64url');
    isUnsigned(await refusal(`${none}.${payload}.`));
    isUnsigned(await refusal(`${header}.${payload}.`));
  });

  it('is refused when the public key is the secret of an HMAC', async () => {
    const pem = await exportSPKI(rsa.publicKey);
    for (const secret of [pem, pem.trim(), jwks[1]!.n!]) {
      for (const kid of ['rsa', undefined]) {
        const token = await new SignJWT(right).setProtectedHeader({ alg: 'HS256', kid }).sign(new TextEncoder().encode(secret));
        isUnsigned(await refusal(token));
      }
    }
  });

  it('is refused when it brings its own key, or says where one is', async () => {
    const own = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(own.publicKey);
    for (const header of [{ jwk }, { jku: 'https://evil.example/keys' }, { x5u: 'https://evil.example/keys' }, { jwk, kid: undefined }]) {
      const token = await new SignJWT(right).setProtectedHeader({ alg: 'ES256', kid: 'ec', ...header }).sign(own.privateKey);
      isUnsigned(await refusal(token));
    }
  });

  it('is refused when one character is another', async () => {
    const token = await signed({});
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const other = (part: string) => `${part.startsWith('f') ? 'g' : 'f'}${part.slice(1)}`;
    const forged = Buffer.from(JSON.stringify({ ...right, sub: 'mallory' })).toString('base64url');
    for (const parts of [[header, forged, signature], [other(header), payload, signature], [header, payload, other(signature)]]) isUnsigned(await refusal(parts.join('.')));
  });

  it('is refused when its header asks for what is not known', async () => {
    const withHeader = (header: object) => {
      const text = [{ alg: 'ES256', kid: 'ec', ...header }, right].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
      return `${text}.${sign('sha256', Buffer.from(text), { key: KeyObject.from(privateKey), dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    };
    expect(await verify(withHeader({}))).toMatchObject({ sub: 'erika' });
    isUnsigned(await refusal(withHeader({ crit: ['urn:example:only-on-mondays'], 'urn:example:only-on-mondays': true })));
    isUnsigned(await refusal(withHeader({ crit: ['b64'], b64: false })));
  });

  it('is refused before it is read when it is long', async () => {
    const { message } = await refusal(signed({ groups: 'x'.repeat(8192) }));
    expect(message).toBe('An access token may have 8192 characters: have the issuer put less into it.');
  });

  it('is refused whatever else it is', async () => {
    const part = fc.oneof(
      fc.string().map((text) => Buffer.from(text).toString('base64url')),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
      fc.record({ alg: fc.constantFrom('ES256', 'RS256', 'EdDSA', 'none', 'HS256'), kid: fc.constantFrom('ec', 'rsa', 'x', '') }).map((header) => Buffer.from(JSON.stringify(header)).toString('base64url')),
      fc.string(),
    );
    const text = fc.oneof(fc.tuple(part, part, part).map((parts) => parts.join('.')), fc.array(part).map((parts) => `.${parts.join('.')}`));
    await fc.assert(
      fc.asyncProperty(text, async (token) => {
        isUnsigned(await refusal(token));
      }),
      { seed: 20261126, numRuns: 300 },
    );
  });
});

describe('a key of the issuer’s that cannot be used', () => {
  it('lets nobody in', async () => {
    const { n, ...rest } = jwks[1]!;
    const short = createLocalJWKSet({ keys: [{ ...rest, n: n!.slice(0, 171) }] });
    const token = await new SignJWT(right).setProtectedHeader({ alg: 'RS256', kid: 'rsa' }).sign(rsa.privateKey);
    await expect(verify(token)).resolves.toMatchObject({ sub: 'erika' });
    await expect(verify(token, short)).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

describe('a credential', () => {
  it.each([
    [`sr_0123456789abcdef_${'s'.repeat(43)}`, false],
    ['sr_x', false],
    ['', false],
    ['eyJhbGciOiJub25lIn0.e30.', true],
  ])('%j looks like a JWT: %s', (credential, looks) => {
    expect(looksLikeJwt(credential)).toBe(looks);
  });
});
