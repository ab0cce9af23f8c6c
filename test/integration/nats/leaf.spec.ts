import { systemClock } from '#libs/kernel';
import {
  begun,
  CAPTURED_SUBJECTS,
  claimsUpdate,
  hubStream,
  LEAF_LINKS_SUBJECT,
  leafStream,
  NO_LIMIT,
  parseClaimsUpdateAnswer,
  parseLeafLinks,
  parsePresenceEvent,
  parseStreamAnswer,
  planStream,
  type PresenceEvent,
  PRESENCE_SUBJECTS,
  publisherPermissions,
  rearm,
  revokeUser,
  siteSource,
  type StreamConfig,
  streamReaderPermissions,
  streamRequest,
} from '#libs/nats';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { storedTexts } from '../../support/stored-texts.js';
import { Deployment, DOMAIN, LEAF_STORE_BYTES, SITE } from './deployment.js';
import { NATS_VERSIONS, until } from './nats-server.js';

const SUBJECT = 'logs.syslog';
const MESSAGES = 100;
/** For requests, in milliseconds. */
const PATIENCE = { timeout: 10_000 };

describe.each(NATS_VERSIONS)('a leaf and a hub of nats-server $name', (version) => {
  const site = { site: SITE, jetstreamDomain: DOMAIN };
  let deployment: Deployment;
  let system: NatsConnection;
  let reconciler: NatsConnection;
  const events: PresenceEvent[] = [];

  /** The next event of a link of the leaf's. */
  const seen = (type: PresenceEvent['type'], after: number, user = deployment.leafUserKey): Promise<PresenceEvent> =>
    until(`the leaf has ${type}`, () =>
      events.slice(after).find((event) => event.type === type && event.kind === 'leafnode' && event.userPublicKey === user.publicKey),
    );

  const leafLinks = async () => parseLeafLinks((await system.request(LEAF_LINKS_SUBJECT, '', PATIENCE)).data);

  const push = async (account = deployment.tenant) => {
    const { subject, payload } = claimsUpdate(deployment.accountJwt(account));
    return parseClaimsUpdateAnswer((await system.request(subject, payload, PATIENCE)).data);
  };

  const askStream = async (verb: 'create' | 'update' | 'info', domain?: string, config?: StreamConfig): Promise<StreamConfig> => {
    const answer = parseStreamAnswer((await reconciler.request(streamRequest(verb, { domain }), config ? JSON.stringify(config) : '', PATIENCE)).data);
    if (answer.kind !== 'stream') throw new Error(`${verb} of the stream in ${domain ?? 'the hub'}: ${JSON.stringify(answer)}`);
    return answer.config;
  };

  /** The bodies of the messages in the stream `events` where the connection leads. */
  const storedBodies = async (connection: NatsConnection, count: number): Promise<string[]> => {
    const manager = await jetstreamManager(connection, { checkAPI: false });
    await until(`${count} messages are stored`, async () => (await manager.streams.info('events')).state.messages >= count);
    return storedTexts(connection);
  };

  const publish = async (from: number, count: number): Promise<string[]> => {
    const connection = await deployment.toLeaf(deployment.tenantCreds(publisherPermissions([SUBJECT])));
    const bodies = Array.from({ length: count }, (_, index) => `message ${from + index}`);
    const client = jetstream(connection, { checkAPI: false });
    for (const body of bodies) await client.publish(SUBJECT, body);
    await connection.close();
    return bodies;
  };

  beforeAll(async () => {
    deployment = new Deployment(version);
    await deployment.allocatePorts();
    await deployment.startHub();
    system = await deployment.system();
    for (const subject of PRESENCE_SUBJECTS) {
      system.subscribe(subject, {
        callback: (error, message) => {
          const event = error ? undefined : parsePresenceEvent(message.data);
          if (event) events.push(event);
        },
      });
    }
    await system.flush();
  });

  afterAll(() => deployment.stop());

  it('take over a pushed account, and nothing else', async () => {
    expect(await push(deployment.control)).toMatchObject({ accepted: true, account: deployment.controlKey.publicKey });
    expect(await push()).toEqual({ accepted: true, serverName: 'nats-hub', account: deployment.tenantKey.publicKey, message: 'jwt updated' });
    const nonsense = await system.request(claimsUpdate('').subject, 'nonsense', PATIENCE);
    expect(parseClaimsUpdateAnswer(nonsense.data)).toMatchObject({ accepted: false });
  });

  it('are connected, as the hub tells by the key of the leaf’s user', async () => {
    await deployment.startLeaf();
    expect(await seen('connected', 0)).toMatchObject({
      account: deployment.tenantKey.publicKey,
      userPublicKey: deployment.leafUserKey.publicKey,
      serverName: `nats-${SITE}`,
    });
  });

  it('are listed as connected, by the same link where the version numbers it', async () => {
    const { linkId, hubServerId } = await seen('connected', 0);
    const answer = await leafLinks();
    const link = answer.links.find(({ account }) => account === deployment.tenantKey.publicKey);
    expect(answer.hubServerId).toBe(hubServerId);
    expect(link).toMatchObject({ serverName: `nats-${SITE}` });
    expect([linkId, undefined]).toContain(link!.linkId);
  });

  it('are connected by a second link, in an account of its own', async () => {
    const { linkId, account } = await seen('connected', 0, deployment.controlUserKey);
    expect(account).toBe(deployment.controlKey.publicKey);
    const link = (await leafLinks()).links.find((one) => one.account === account);
    expect([linkId, undefined]).toContain(link!.linkId);
  });

  it('are configured as the typed values say', async () => {
    const varz = await deployment.leaf.monitor<Record<string, unknown>>('/varz');
    expect(varz).toMatchObject({
      server_name: `nats-${SITE}`,
      system_account: deployment.leafSystemKey.publicKey,
      tls_required: true,
      tls_verify: true,
      max_payload: 1024 * 1024,
      ping_max: 2,
      ping_interval: 10_000_000_000,
      jetstream: { config: { domain: DOMAIN, max_memory: LEAF_STORE_BYTES, max_storage: LEAF_STORE_BYTES, sync_always: true } },
      leaf: {
        remotes: [
          { local_account: deployment.tenantKey.publicKey, deny: { imports: CAPTURED_SUBJECTS, exports: CAPTURED_SUBJECTS } },
          { local_account: deployment.leafSystemKey.publicKey },
        ],
      },
    });
  });

  it('have JetStream for the account, with the JWT that the hub has', async () => {
    const { account_details } = await deployment.leaf.monitor<{ account_details: unknown[] }>(`/jsz?accounts=true`);
    expect(account_details).toEqual([expect.objectContaining({ id: deployment.tenantKey.publicKey })]);
    expect(deployment.leaf.log()).not.toMatch(/insufficient|not enabled for account|error enabling/i);
  });

  describe('refuse at the leaf', () => {
    const publisher = (): Uint8Array => deployment.tenantCreds(publisherPermissions([SUBJECT]));

    it('nobody with credentials and a certificate of the tenant', async () => {
      await expect(deployment.toLeaf(publisher())).resolves.toBeDefined();
    });

    it('a client without credentials', async () => {
      await expect(deployment.toLeaf(undefined)).rejects.toThrow(/authorization/i);
    });

    it('a client with the credentials of the leaf itself', async () => {
      await expect(deployment.toLeaf(deployment.leafCreds())).rejects.toThrow(/authorization/i);
    });

    it('a client with credentials of an account that the leaf does not have', async () => {
      const foreign = deployment.creds(deployment.systemKey.publicKey, deployment.systemKey, publisherPermissions([SUBJECT]));
      await expect(deployment.toLeaf(foreign)).rejects.toThrow(/authorization/i);
    });

    it('a client without a certificate', async () => {
      await expect(deployment.toLeafWithoutCertificate(publisher())).rejects.toThrow();
      await until('the leaf tells why', () => /client didn't provide a certificate/.test(deployment.leaf.log()));
    });

    it('a client with a certificate of another tenant under the same root', async () => {
      await expect(deployment.toLeaf(publisher(), deployment.certificates.stranger)).rejects.toThrow();
      await until('the leaf tells why', () => /unknown authority|failed to verify certificate/.test(deployment.leaf.log()));
    });

    it('a subject that the client was not given', async () => {
      const connection = await deployment.toLeaf(publisher());
      const refusal = (async () => {
        for await (const status of connection.status()) if (status.type === 'error') return status.error.message;
        return 'closed';
      })();
      connection.publish('flows.raw.sflow', 'x');
      expect(await refusal).toMatch(/Permissions Violation.*flows\.raw\.sflow/i);
    });
  });

  it('refuse at the hub the credentials of the leaf as a client', async () => {
    await expect(deployment.toHub(deployment.leafCreds())).rejects.toThrow(/authorization/i);
  });

  describe('with the streams made through the link', () => {
    const published: string[] = [];

    beforeAll(async () => {
      reconciler = await deployment.streamService();
    });

    it('are as they should be after being made', async () => {
      const leaf = leafStream({ clock: systemClock, retention: { maxAgeMs: 3_600_000, maxBytes: LEAF_STORE_BYTES } });
      const hub = hubStream({ sites: [{ ...site, retention: { maxAgeMs: 3_600_000, maxBytes: -1 } }] });
      await until('the hub knows the leaf’s interest', async () => {
        const info = await reconciler.request(streamRequest('info', { domain: DOMAIN }));
        return parseStreamAnswer(info.data).kind === 'not_found';
      });
      await askStream('update', DOMAIN, begun(await askStream('create', DOMAIN, leaf)));
      await askStream('create', undefined, hub);
      expect(planStream(leaf, await askStream('info', DOMAIN))).toEqual({ kind: 'none' });
      expect(planStream(hub, await askStream('info'))).toEqual({ kind: 'none' });
    });

    it(`carry ${MESSAGES} messages to the hub, each once and in order`, async () => {
      published.push(...(await publish(0, MESSAGES)));
      const reader = await deployment.toHub(deployment.tenantCreds(streamReaderPermissions()), '_INBOX');
      expect(await storedBodies(reader, MESSAGES)).toEqual(published);
      expect(await storedBodies(await deployment.toLeaf(deployment.tenantCreds(streamReaderPermissions())), MESSAGES)).toEqual(published);
    });

    it('can be planned, updated and re-armed with nothing lost or doubled', async () => {
      const [without, withSource] = rearm(await askStream('info'), [siteSource(site)]);
      await askStream('update', undefined, without);
      published.push(...(await publish(MESSAGES, 10)));
      await askStream('update', undefined, withSource);
      const reader = await deployment.toHub(deployment.tenantCreds(streamReaderPermissions()), '_INBOX');
      expect(await storedBodies(reader, published.length)).toEqual(published);
    });

    it('catch up after the hub was away, re-armed when the leaf is seen', async () => {
      await deployment.hub.stop('SIGKILL');
      published.push(...(await publish(published.length, 20)));
      await deployment.startHub();
      // Its link for messages, both ways: the other one may be back first.
      await until('the leaf is heard', () => askStream('info', DOMAIN));
      const current = await until('the reconciler is back', () => askStream('info'));
      for (const config of rearm(current, [siteSource(site)])) await askStream('update', undefined, config);
      const reader = await deployment.toHub(deployment.tenantCreds(streamReaderPermissions()), '_INBOX');
      expect(await storedBodies(reader, published.length)).toEqual(published);
    });
  });

  it('part when the leaf’s user is revoked', async () => {
    const before = events.length;
    await push(revokeUser(deployment.tenant, deployment.leafUserKey.publicKey, new Date()));
    expect(await seen('disconnected', before)).toMatchObject({ userPublicKey: deployment.leafUserKey.publicKey, reason: 'Credentials Revoked' });
  });
});

// Why accounts have no limits of their own.
describe.each(NATS_VERSIONS)('a leaf of nats-server $name that has less room than its account is given', (version) => {
  it('has no JetStream for the account, and says so in its log only', async () => {
    const deployment = new Deployment(version);
    try {
      await deployment.allocatePorts();
      await deployment.startHub();
      await deployment.startLeaf({ ...deployment.tenant, jetstream: { ...deployment.tenant.jetstream!, maxFileBytes: 10 * LEAF_STORE_BYTES } });
      const { account_details } = await deployment.leaf.monitor<{ account_details?: unknown[] }>('/jsz?accounts=true');
      expect(account_details ?? []).toEqual([]);
      expect(deployment.leaf.log()).toMatch(/insufficient/i);
    } finally {
      await deployment.stop();
    }
  });
});

describe.each(NATS_VERSIONS)('a leaf of nats-server $name that starts while the hub is away', (version) => {
  it('serves its clients', async () => {
    const deployment = new Deployment(version);
    try {
      await deployment.allocatePorts();
      await deployment.startLeaf();
      const connection = await deployment.toLeaf(deployment.tenantCreds(publisherPermissions([SUBJECT])));
      const info = await connection.request('$JS.API.INFO', '', PATIENCE);
      expect(info.json()).toMatchObject({ domain: DOMAIN, limits: { max_storage: NO_LIMIT } });
    } finally {
      await deployment.stop();
    }
  });
});
