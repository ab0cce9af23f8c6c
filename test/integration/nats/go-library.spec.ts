import { systemClock, systemRandom } from '#libs/kernel';
import {
  type Account, type AccountClaims, createKeyPair, decodeAccount, decodeOperator, decodeUser, formatCreds, leafAccountServicePermissions, leafConnectionsServicePermissions,
  leafControlPermissions, leafUserPermissions, NO_LIMIT, personPermissions, publisherPermissions, revokeUser, signAccount, signOperator, signUser,
  streamReaderPermissions, streamServicePermissions, systemServicePermissions, type User,
} from '#libs/nats';
import { askGo } from '../go.js';

const key = (kind: 'operator' | 'account' | 'user') => createKeyPair(kind, systemRandom);
const [operatorKey, operatorSigningKey, accountKey, accountSigningKey, userKey] = [key('operator'), key('operator'), key('account'), key('account'), key('user')];
const NAMES = ['acme', 'a"b', '$(touch x)', '`id`', "'; rm -rf /", '%n', '🛰️ Zürich', '<b>&amp;\u2028'];

const account: Account = {
  name: 'acme',
  publicKey: accountKey.publicKey,
  // In the order in which Go writes them.
  signingKeys: [accountSigningKey.publicKey, key('account').publicKey].sort(),
  revocations: {},
  jetstream: { maxMemoryBytes: NO_LIMIT, maxFileBytes: NO_LIMIT, maxStreams: NO_LIMIT, maxConsumers: NO_LIMIT },
};
const soon = new Date(systemClock.now().getTime() + 3_600_000);
const revoked = revokeUser(revokeUser(account, key('user').publicKey, soon), key('user').publicKey, new Date(0));

const user: User = {
  name: 'flow',
  publicKey: userKey.publicKey,
  account: accountKey.publicKey,
  permissions: publisherPermissions(['events.netflow', 'falco.>']),
  allowedConnectionTypes: ['STANDARD'],
  expiresAt: soon,
};

const OPERATORS = {
  'an operator': signOperator({ name: 'edge', publicKey: operatorKey.publicKey, signingKeys: [] }, operatorKey, systemClock),
  'an operator with signing keys': signOperator({ name: 'edge', publicKey: operatorKey.publicKey, signingKeys: [operatorSigningKey.publicKey] }, operatorKey, systemClock),
};

const accountJwt = (given: Partial<Account>, signer = operatorSigningKey) => signAccount({ ...account, ...given }, signer, systemClock);
const ACCOUNTS = {
  'an account': accountJwt({}),
  'an account of the identity key': accountJwt({}, operatorKey),
  'an account with revocations': accountJwt(revoked),
  'an account that revokes everybody': accountJwt({ revocations: { '*': 1_800_000_000 } }),
  'an account without JetStream': accountJwt({ jetstream: undefined }),
  'an account with limits': accountJwt({ maxConnections: 5, maxLeafNodes: 2, jetstream: { maxMemoryBytes: 1 << 20, maxFileBytes: 1 << 30, maxStreams: 3, maxConsumers: 7 } }),
  'an account without connections': accountJwt({ maxConnections: 0, maxLeafNodes: 0 }),
  'an account with default permissions': accountJwt({ defaultPermissions: { publish: { allow: ['a.>'], deny: ['a.b'] }, subscribe: { allow: [] } } }),
  ...Object.fromEntries(NAMES.map((name) => [`an account called ${name}`, accountJwt({ name })])),
};

const userJwt = (given: Partial<User>, signer = accountSigningKey) => signUser({ ...user, ...given }, signer, systemClock);
const USERS = {
  'a collector': userJwt({}),
  'a user of the identity key': userJwt({}, accountKey),
  'a user without an end': userJwt({ expiresAt: undefined }),
  'a leaf': userJwt({ permissions: leafUserPermissions({ site: 'nyc', jetstreamDomain: 'edge' }), allowedConnectionTypes: ['LEAFNODE', 'LEAFNODE_WS'] }),
  'a leaf in the control account': userJwt({ permissions: leafControlPermissions({ account: accountKey.publicKey }), allowedConnectionTypes: ['LEAFNODE'] }),
  'a pusher of accounts': userJwt({ permissions: leafAccountServicePermissions() }),
  'an asker of connections': userJwt({ permissions: leafConnectionsServicePermissions() }),
  'the reconciler': userJwt({ permissions: streamServicePermissions() }),
  'the system service': userJwt({ permissions: systemServicePermissions() }),
  'a reader': userJwt({ permissions: streamReaderPermissions(['events.netflow']) }),
  'a reader of all': userJwt({ permissions: streamReaderPermissions() }),
  'a person': userJwt({ permissions: personPermissions({ publish: ['a.b'], subscribe: ['a.*', 'b.>'] }) }),
  'a person who may do nothing': userJwt({ permissions: personPermissions({ publish: [], subscribe: [] }) }),
  'a user with denials': userJwt({ permissions: { publish: { allow: ['a.>'], deny: ['a.b'] }, subscribe: { allow: ['c'], deny: ['c'] } } }),
  ...Object.fromEntries(NAMES.map((name) => [`a user called ${name}`, userJwt({ name })])),
};

/** Go leaves limits of zero out, as that is what an absent one means, and writes an empty structure where there is no callout for authorization. */
function asGoWrites({ nats, ...claims }: AccountClaims): object {
  const limits = Object.fromEntries(Object.entries(nats.limits).filter(([, limit]) => limit !== 0));
  return { ...claims, nats: { ...nats, limits, authorization: {} } };
}

const CASES: [string, string, object][] = [
  ...Object.entries(OPERATORS).map(([what, jwt]) => [what, jwt, decodeOperator(jwt)] as [string, string, object]),
  ...Object.entries(ACCOUNTS).map(([what, jwt]) => [what, jwt, asGoWrites(decodeAccount(jwt))] as [string, string, object]),
  ...Object.entries(USERS).map(([what, jwt]) => [what, jwt, decodeUser(jwt)] as [string, string, object]),
];

describe("NATS's own library", () => {
  it.each(CASES)('reads the JWT of %s as it was meant, and finds nothing wrong or doubtful', (_what, jwt, claims) => {
    expect(askGo({ tokens: [jwt] }).tokens).toEqual([{ issues: [], claims }]);
  });

  it('refuses what was altered', () => {
    const [header, payload, signature] = USERS['a collector'].split('.') as [string, string, string];
    const forged = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('falco.>', '>')).toString('base64url');
    const { tokens } = askGo({ tokens: [`${header}.${forged}.${signature}`, 'x', `${header}.${payload}`] });
    expect(tokens.map(({ error }) => error)).toEqual(['claim failed V2 signature verification', 'expected 3 chunks', 'expected 3 chunks']);
  });

  it('finds a JWT that has run out, so that it is known to look', () => {
    expect(askGo({ tokens: [userJwt({ expiresAt: new Date(1000) })] }).tokens).toMatchObject([{ issues: ['claim is expired'] }]);
  });

  it('reads creds files', () => {
    const jwt = USERS['a leaf'];
    expect(askGo({ creds: [formatCreds({ jwt, keyPair: userKey }).reveal()] }).creds).toEqual([{ token: jwt, user: userKey.publicKey }]);
  });
});
