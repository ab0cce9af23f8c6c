import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, systemRandom } from '#libs/kernel';
import {
  type Account,
  CLAIMS_UPDATE_SUBJECT,
  claimsUpdate,
  connectionsRequest,
  connectionsSubject,
  createKeyPair,
  type KeyPair,
  leafStream,
  parseClaimsUpdateAnswer,
  parseConnections,
  parseStreamAnswer,
  publisherPermissions,
  renderConf,
  revokeUser,
  signAccount,
  streamRequest,
} from '#libs/nats';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Deployment, DOMAIN, LEAF_STORE_BYTES } from './deployment.js';
import { freePort, NATS_VERSIONS, NatsServer, until } from './nats-server.js';

const SUBJECT = 'logs.syslog';
const EVERYTHING = { publish: { allow: ['>'] }, subscribe: { allow: ['>'] } };

const push = async (connection: NatsConnection, jwt: string) => {
  const { subject, payload } = claimsUpdate(jwt);
  return parseClaimsUpdateAnswer((await connection.request(subject, payload, { timeout: 5_000 })).data);
};

describe.each(NATS_VERSIONS)('the control link of a leaf, with servers of nats-server $name,', (version) => {
  const revokedKey = createKeyPair('user', systemRandom);
  let deployment: Deployment;
  let pusher: NatsConnection;
  let revoked: Account;
  /** The JWT that the leaf starts with. */
  let bundled: string;

  const publisher = () => deployment.tenantCreds(publisherPermissions([SUBJECT]));
  const revokedCreds = () =>
    deployment.creds(deployment.tenantKey.publicKey, deployment.tenantSigningKey, publisherPermissions([SUBJECT]), ['STANDARD'], revokedKey);
  /** Publishes at the leaf. @returns the sequence in the leaf's stream */
  const store = async (connection: NatsConnection) => (await jetstream(connection, { checkAPI: false }).publish(SUBJECT, 'x')).seq;

  beforeAll(async () => {
    deployment = new Deployment(version);
    await deployment.allocatePorts();
    await deployment.startHub();
    const system = await deployment.system();
    // No two JWTs of an account share a second (below): this one has stood in the bundle for a while.
    const aMinuteAgo = { now: () => new Date(Date.now() - 60_000) };
    bundled = signAccount(deployment.tenant, deployment.operatorSigningKey, aMinuteAgo);
    for (const jwt of [bundled, deployment.accountJwt(deployment.control)]) await push(system, jwt);
    await deployment.startLeaf(deployment.tenant, bundled);
    pusher = await deployment.leafAccountService();
    const reconciler = await deployment.streamService();
    const retention = { maxAgeMs: 60_000, maxBytes: Math.floor(LEAF_STORE_BYTES * 0.9) };
    await until('the control link is up', async () => (await push(pusher, bundled)).accepted);
    // One that was made already, and answered late, is not another one.
    const config = JSON.stringify(leafStream({ clock: systemClock, retention }));
    await until('the leaf has its stream', async () => {
      const answer = await reconciler.request(streamRequest('create', { domain: DOMAIN }), config, { timeout: 10_000 }).catch(() => undefined);
      return answer && parseStreamAnswer(answer.data).kind === 'stream' ? true : undefined;
    });
  });

  afterAll(() => deployment.stop());

  it('lets the leaf take over an account’s JWT, and drop whom it revokes', async () => {
    const other = await deployment.toLeaf(publisher());
    const connection = await deployment.toLeaf(revokedCreds());
    const before = await store(connection);
    const dropped = (async () => {
      for await (const status of connection.status()) if (status.type === 'disconnect') return 'dropped';
      return 'closed';
    })();

    const start = performance.now();
    revoked = revokeUser(deployment.tenant, revokedKey.publicKey, new Date(Date.now() + 3_600_000));
    expect(await push(pusher, deployment.accountJwt(revoked))).toEqual({
      accepted: true,
      serverName: 'nats-new-york',
      account: deployment.tenantKey.publicKey,
      message: 'jwt updated',
    });
    expect(await dropped).toBe('dropped');
    console.log(`The leaf dropped the user ${(performance.now() - start).toFixed(1)} ms after the JWT was sent.`);

    await connection.close();
    await expect(deployment.toLeaf(revokedCreds())).rejects.toThrow(/authorization/i);
    expect(await store(other)).toBe(before + 1);
  });

  it('lets the leaf say who is connected to it in the tenant’s account, some at a time', async () => {
    const [one, other] = [createKeyPair('user', systemRandom), createKeyPair('user', systemRandom)];
    const as = (key: KeyPair) =>
      deployment.creds(deployment.tenantKey.publicKey, deployment.tenantSigningKey, publisherPermissions([SUBJECT]), ['STANDARD'], key);
    const connections = [await deployment.toLeaf(as(one)), await deployment.toLeaf(as(other))];
    const asking = await deployment.leafConnectionsService();
    const ask = async (offset: number, limit: number) => {
      const { subject, payload } = connectionsRequest({ account: deployment.tenantKey.publicKey, offset, limit, serverName: 'nats-new-york' });
      return parseConnections((await asking.request(subject, payload, { timeout: 5_000 })).data);
    };

    const both = expect.arrayContaining([one.publicKey, other.publicKey]);
    expect(await ask(0, 100)).toEqual({ serverName: 'nats-new-york', users: both, more: false });
    const pages = [await ask(0, 1)];
    while (pages.at(-1)!.more) pages.push(await ask(pages.length, 1));
    expect(pages.every(({ users }) => users.length <= 1)).toBe(true);
    expect(pages.flatMap(({ users }) => users)).toEqual(both);

    await connections[0]!.close();
    await until('it is gone', async () => !(await ask(0, 100)).users.includes(one.publicKey));
    expect((await ask(0, 100)).users).toContain(other.publicKey);
    await connections[1]!.close();
  });

  it('lets nothing but that through, to the leaf or from it', async () => {
    const open = await deployment.toHub(deployment.creds(deployment.controlKey.publicKey, deployment.controlKey, EVERYTHING), 'in');
    const heard: string[] = [];
    const answers: { subject: string; server: string }[] = [];
    open.subscribe('>', { callback: (_error, { subject }) => void heard.push(subject) });
    open.subscribe('_CP.>', {
      callback: (_error, message) => {
        // Without a body the hub says that nobody listens.
        if (message.data.length > 0) answers.push({ subject: message.subject, server: message.json<{ server: { name: string } }>().server.name });
      },
    });
    await open.flush();

    // What a server says in its system account when somebody comes, and what it answers there.
    await (await deployment.toLeaf(publisher())).close();
    const { tenantKey, leafSystemKey, controlKey } = deployment;
    const asked = [
      '$SYS.REQ.SERVER.PING',
      '$SYS.REQ.CLAIMS.LIST',
      '$SYS.REQ.CLAIMS.DELETE',
      '$SYS.REQ.SERVER.PING.CONNZ',
      ...['PING', '$G', leafSystemKey.publicKey, controlKey.publicKey].map(connectionsSubject),
      ...['SUBSZ', 'LEAFZ', 'JSZ', 'INFO', 'STATZ', 'CONNS'].map((what) => `$SYS.REQ.ACCOUNT.${tenantKey.publicKey}.${what}`),
      '$JS.API.INFO',
    ];
    for (const subject of asked) open.publish(subject, '', { reply: '_CP.other' });
    open.publish(connectionsSubject(tenantKey.publicKey), '', { reply: '_CP.connections' });
    // It goes through the same link, and the hub asks nobody before it has asked the leaf.
    open.publish(CLAIMS_UPDATE_SUBJECT, deployment.accountJwt(revoked), { reply: '_CP.update' });
    const ofLeaf = () => answers.filter(({ server }) => server === 'nats-new-york').map(({ subject }) => subject);
    const expected = ['_CP.connections', '_CP.update'];
    await until('the leaf has answered', () => expected.every((subject) => ofLeaf().includes(subject)));
    expect(ofLeaf().sort()).toEqual(expected);
    const own = [...asked, connectionsSubject(tenantKey.publicKey), CLAIMS_UPDATE_SUBJECT];
    expect(heard.filter((subject) => !subject.startsWith('_CP.') && !own.includes(subject))).toEqual([]);
    await open.close();
  });

  it('gives a server that has stolen its credentials nothing else', async () => {
    const { rootCa, leaf } = deployment.certificates;
    const [port, monitorPort] = await Promise.all([freePort(), freePort()]);
    const configuration = renderConf({
      server_name: 'thief',
      listen: `127.0.0.1:${port}`,
      http: `127.0.0.1:${monitorPort}`,
      leafnodes: {
        remotes: [
          {
            urls: [deployment.leafUrl],
            credentials: join(deployment.dir, 'control.creds'),
            tls: { cert_file: leaf.cert, key_file: leaf.key, ca_file: rootCa },
          },
        ],
      },
    });
    const thief = await NatsServer.start(version, deployment.dir, 'thief', configuration, monitorPort);
    const client = await connect({ servers: `127.0.0.1:${port}` });
    const open = await deployment.toHub(deployment.creds(deployment.controlKey.publicKey, deployment.controlKey, EVERYTHING), 'in');
    try {
      const heard = { thief: [] as string[], hub: [] as string[] };
      client.subscribe('>', { callback: (_error, { subject }) => void heard.thief.push(subject) });
      open.subscribe('>', { callback: (_error, { subject }) => void heard.hub.push(subject) });
      await Promise.all([client.flush(), open.flush()]);

      const old = deployment.accountJwt(deployment.tenant);
      const asked = connectionsSubject(deployment.tenantKey.publicKey);
      const others = [deployment.systemKey, deployment.leafSystemKey, deployment.controlKey].map(({ publicKey }) => connectionsSubject(publicKey));
      await until('the thief hears of a new JWT and can answer', async () => {
        for (const subject of ['a', '$SYS.REQ.SERVER.PING', '_CP.from-hub', ...others]) open.publish(subject, '');
        for (const subject of [asked, CLAIMS_UPDATE_SUBJECT]) open.publish(subject, deployment.accountJwt(revoked));
        for (const subject of ['b', '$SYS.REQ.CLAIMS.DELETE', CLAIMS_UPDATE_SUBJECT]) client.publish(subject, old);
        client.publish('_CP.from-thief', '');
        await Promise.all([client.flush(), open.flush()]);
        return ([asked, CLAIMS_UPDATE_SUBJECT].every((subject) => heard.thief.includes(subject)) && heard.hub.includes('_CP.from-thief')) || undefined;
      });
      const own = new Set(['b', '$SYS.REQ.CLAIMS.DELETE', '_CP.from-thief']);
      expect([...new Set(heard.thief)].filter((subject) => !own.has(subject)).sort()).toEqual([asked, CLAIMS_UPDATE_SUBJECT].sort());
      expect(heard.hub).not.toContain('b');
      expect(heard.hub).not.toContain('$SYS.REQ.CLAIMS.DELETE');
      // The older JWT, which it sent to the other leaves, has not got there.
      await expect(deployment.toLeaf(revokedCreds())).rejects.toThrow(/authorization/i);
    } finally {
      await Promise.all([client.close(), open.close()]);
      await thief.stop();
    }
  });

  it('is refused to a client', async () => {
    await expect(deployment.toHub(deployment.controlCreds())).rejects.toThrow(/authorization/i);
  });

  it('leaves what was learnt with the leaf, which starts again while the hub is away', async () => {
    await deployment.leaf.stop();
    await deployment.hub.stop();
    // With the JWT in its configuration that it had before, as its bundle has.
    await deployment.startLeaf(deployment.tenant, bundled);
    await expect(deployment.toLeaf(revokedCreds())).rejects.toThrow(/authorization/i);
    expect(await store(await deployment.toLeaf(publisher()))).toBeGreaterThan(1_000_000_000_000_000);
    expect(deployment.leaf.log()).not.toMatch(/insufficient|not enabled for account|error enabling|extension_hint/i);
  });
});

// Why no two JWTs of an account share a second.
describe.each(NATS_VERSIONS)('a leaf of nats-server $name that has learnt of a JWT which is as old as the one in its configuration', (version) => {
  it('goes back to that when it starts', async () => {
    const deployment = new Deployment(version);
    const clock = { now: () => new Date('2026-01-01T00:00:00Z') };
    const jwt = (revocations: Account['revocations']) => signAccount({ ...deployment.tenant, revocations }, deployment.operatorSigningKey, clock);
    try {
      await deployment.allocatePorts();
      const later = jwt({ [createKeyPair('user', systemRandom).publicKey]: 1 });
      const kept = () =>
        readdirSync(join(deployment.dir, 'leaf', 'accounts')).some((file) => readFileSync(join(deployment.dir, 'leaf', 'accounts', file), 'utf8') === later);
      await deployment.startLeaf(deployment.tenant, later);
      expect(kept()).toBe(true);
      await deployment.leaf.stop();
      await deployment.startLeaf(deployment.tenant, jwt({}));
      expect(kept()).toBe(false);
    } finally {
      await deployment.stop();
    }
  });
});
