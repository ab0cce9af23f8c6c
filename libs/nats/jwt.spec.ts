import { type Clock, Secret, systemRandom } from '#libs/kernel';
import { type Account, revokeUser, signAccount, signOperator, signUser, type User } from './accounts.js';
import { NO_LIMIT } from './claims.js';
import { formatCreds, parseCreds } from './creds.js';
import { decodeAccount, decodeOperator, decodeUser } from './jwt.js';
import { createKeyPair, type KeyKind } from './nkeys.js';

const key = (kind: KeyKind) => createKeyPair(kind, systemRandom);
const at = (iso: string): Clock => ({ now: () => new Date(iso) });
const clock = at('2026-11-24T10:00:00.750Z');
const NOW = 1795514400;
const invalid = expect.objectContaining({ code: 'invalid_configuration' });

const operatorKey = key('operator');
const operatorSigningKey = key('operator');
const accountKey = key('account');
const accountSigningKey = key('account');
const userKey = key('user');

const account: Account = {
  name: 'acme',
  publicKey: accountKey.publicKey,
  signingKeys: [accountSigningKey.publicKey],
  revocations: {},
  jetstream: { maxMemoryBytes: 1000, maxFileBytes: 5000, maxStreams: 2, maxConsumers: NO_LIMIT },
};

const user: User = {
  name: 'collector',
  publicKey: userKey.publicKey,
  account: accountKey.publicKey,
  permissions: { publish: { allow: ['logs.>'] }, subscribe: { allow: ['_INBOX.>'], deny: ['_INBOX.x'] } },
  allowedConnectionTypes: ['STANDARD'],
};

describe("an operator's JWT", () => {
  const jwt = signOperator({ name: 'edge', publicKey: operatorKey.publicKey, signingKeys: [operatorSigningKey.publicKey] }, operatorKey, clock);

  it('names its signing keys and no system account', () => {
    expect(decodeOperator(jwt, [operatorKey.publicKey])).toEqual({
      jti: expect.stringMatching(/^[A-Z2-7]{52}$/),
      iat: NOW,
      iss: operatorKey.publicKey,
      name: 'edge',
      sub: operatorKey.publicKey,
      nats: { signing_keys: [operatorSigningKey.publicKey], type: 'operator', version: 2 },
    });
  });

  it('has the header of a NATS JWT of version 2', () => {
    expect(Buffer.from(jwt.split('.')[0]!, 'base64url').toString()).toBe('{"typ":"JWT","alg":"ed25519-nkey"}');
  });
});

describe("an account's JWT", () => {
  const jwt = signAccount(account, operatorSigningKey, clock);

  it('states every limit', () => {
    expect(decodeAccount(jwt).nats.limits).toEqual({
      subs: -1,
      data: -1,
      payload: -1,
      imports: -1,
      exports: -1,
      wildcards: true,
      disallow_bearer: true,
      conn: -1,
      leaf: -1,
      mem_storage: 1000,
      disk_storage: 5000,
      streams: 2,
      consumer: -1,
    });
  });

  it('has no JetStream unless it is given', () => {
    const { mem_storage, disk_storage } = decodeAccount(signAccount({ ...account, jetstream: undefined }, operatorKey, clock)).nats.limits;
    expect([mem_storage, disk_storage]).toEqual([0, 0]);
  });

  it('is the same for the same claims and second', () => {
    expect(signAccount({ ...account }, operatorSigningKey, at('2026-11-24T10:00:00.001Z'))).toBe(jwt);
    expect(signAccount(account, operatorSigningKey, at('2026-11-24T10:00:01Z'))).not.toBe(jwt);
  });

  it('has another id when anything else differs, within the same second too', () => {
    const revoked = signAccount(revokeUser(account, userKey.publicKey, clock.now()), operatorSigningKey, clock);
    expect(decodeAccount(revoked).jti).not.toBe(decodeAccount(jwt).jti);
  });

  it('does not depend on the order of the revocations', () => {
    const [a, b] = [key('user').publicKey, key('user').publicKey];
    const sign = (revocations: Record<string, number>) => signAccount({ ...account, revocations }, operatorSigningKey, clock);
    expect(sign({ [a]: 1, [b]: 2 })).toBe(sign({ [b]: 2, [a]: 1 }));
  });

  it('carries revocations, of which a later one stays', () => {
    const later = revokeUser(account, userKey.publicKey, clock.now());
    const both = revokeUser(later, userKey.publicKey, new Date(0));
    expect(decodeAccount(signAccount(both, operatorKey, clock)).nats.revocations).toEqual({ [userKey.publicKey]: NOW });
  });

  it.each([
    ['another operator than trusted', () => decodeAccount(jwt, [operatorKey.publicKey])],
    ['a signer that is no operator', () => signAccount(account, accountKey, clock)],
    ['a subject that is no account', () => signAccount({ ...account, publicKey: userKey.publicKey }, operatorKey, clock)],
    ['a signing key that is no account key', () => signAccount({ ...account, signingKeys: [userKey.publicKey] }, operatorKey, clock)],
    ['a revocation of something else than a user', () => signAccount({ ...account, revocations: { x: 1 } }, operatorKey, clock)],
    ['an empty name', () => signAccount({ ...account, name: '' }, operatorKey, clock)],
  ])('is refused for %s', (_reason, act) => {
    expect(act).toThrow(invalid);
  });
});

describe("a user's JWT", () => {
  it('names the account when a signing key signed', () => {
    expect(decodeUser(signUser({ ...user, expiresAt: new Date('2026-11-24T11:00:00Z') }, accountSigningKey, clock))).toMatchObject({
      exp: NOW + 3600,
      iss: accountSigningKey.publicKey,
      sub: userKey.publicKey,
      nats: {
        pub: { allow: ['logs.>'] },
        sub: { allow: ['_INBOX.>'], deny: ['_INBOX.x'] },
        subs: -1,
        data: -1,
        payload: -1,
        allowed_connection_types: ['STANDARD'],
        issuer_account: accountKey.publicKey,
      },
    });
  });

  it('names no account and no expiry of itself', () => {
    const claims = decodeUser(signUser(user, accountKey, clock));
    expect(claims.nats).not.toHaveProperty('issuer_account');
    expect(claims).not.toHaveProperty('exp');
    expect(claims.nats).not.toHaveProperty('bearer_token');
  });

  it('denies everything in a direction that allows nothing, as servers take an empty list for everything', () => {
    const silent = { ...user, permissions: { publish: { allow: [] }, subscribe: { allow: ['a'] } } };
    expect(decodeUser(signUser(silent, accountKey, clock)).nats).toMatchObject({ pub: { deny: ['>'] }, sub: { allow: ['a'] } });
  });

  it.each([
    ['an operator as signer', () => signUser(user, operatorKey, clock)],
    ['an account that is none', () => signUser({ ...user, account: userKey.publicKey }, accountKey, clock)],
    ['an end that servers would take for none', () => signUser({ ...user, expiresAt: new Date(0) }, accountKey, clock)],
    ['an end that is no time', () => signUser({ ...user, expiresAt: new Date(NaN) }, accountKey, clock)],
  ])('is refused for %s', (_reason, act) => {
    expect(act).toThrow(invalid);
  });

  it('is refused in whichever place it was altered', () => {
    const jwt = signUser(user, accountKey, clock);
    const [header, payload, signature] = jwt.split('.') as [string, string, string];
    const forged = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('logs', 'fogs')).toString('base64url');
    const none = Buffer.from('{"typ":"JWT","alg":"none"}').toString('base64url');
    const candidates = [
      `${header}.${forged}.${signature}`,
      `${none}.${payload}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${jwt}.x`,
      `${header}.${payload}.${signature.slice(4)}`,
      '',
      'nonsense',
    ];
    for (const candidate of candidates) expect(() => decodeUser(candidate)).toThrow(invalid);
    expect(() => decodeAccount(jwt)).toThrow(invalid);
  });
});

describe('a creds file', () => {
  const jwt = signUser(user, accountKey, clock);
  const creds = formatCreds({ jwt, keyPair: userKey });

  it('has the text that the official tool writes', () => {
    expect(creds.reveal()).toBe(
      [
        '-----BEGIN NATS USER JWT-----',
        jwt,
        '------END NATS USER JWT------',
        '',
        '************************* IMPORTANT *************************',
        'NKEY Seed printed below can be used to sign and prove identity.',
        'NKEYs are sensitive and should be treated as secrets.',
        '',
        '-----BEGIN USER NKEY SEED-----',
        userKey.seed.reveal(),
        '------END USER NKEY SEED------',
        '',
        '*************************************************************',
        '',
      ].join('\n'),
    );
  });

  it('does not print itself', () => {
    expect(`${creds}${JSON.stringify({ creds })}`).not.toContain('SEED');
  });

  it.each([
    ['as it was written', (text: string) => text],
    ['with the line ends of Windows', (text: string) => text.replaceAll('\n', '\r\n')],
  ])('is read back %s', (_how, change) => {
    const read = parseCreds(new Secret(change(creds.reveal())));
    expect([read.jwt, read.keyPair.publicKey]).toEqual([jwt, userKey.publicKey]);
  });

  it.each([
    ['has no seed', (text: string) => text.split('*****')[0]!],
    ['has no JWT', (text: string) => text.slice(text.indexOf('*****'))],
    ['has the seed of another user', (text: string) => text.replace(userKey.seed.reveal(), key('user').seed.reveal())],
    ['has an altered seed', (text: string) => text.replace(userKey.seed.reveal(), `${userKey.seed.reveal().slice(0, -1)}!`)],
    ['is empty', () => ''],
  ])('is refused when it %s, and the refusal shows nothing of it', (_how, change) => {
    const read = (): unknown => parseCreds(new Secret(change(creds.reveal())));
    expect(read).toThrow(invalid);
    expect(read).not.toThrow(userKey.seed.reveal());
  });

  it('is not made of parts that do not belong together', () => {
    expect(() => formatCreds({ jwt, keyPair: key('user') })).toThrow(invalid);
  });
});
