import type { INestApplicationContext } from '@nestjs/common';
import { systemClock } from '#libs/kernel';
import type { Tenant } from '#libs/model';
import { CLAIMS_UPDATE_SUBJECT, decodeAccount } from '#libs/nats';
import { AccountPusher, TenantCredentials, HubConnection } from '../../../src/nats/index.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';

/** A hub that is reached only when it is told to go on. */
class SlowHub {
  readonly connected = false;
  goOn!: () => void;
  readonly reached: Promise<void>;
  #reach!: () => void;
  readonly #gate = new Promise<void>((resolve) => (this.goOn = resolve));

  constructor(private readonly hub: HubConnection) {
    this.reached = new Promise((resolve) => (this.#reach = resolve));
  }

  async request(subject: string, payload: Uint8Array): Promise<Uint8Array> {
    this.#reach();
    await this.#gate;
    return this.hub.request(subject, payload);
  }
}

describe.each(NATS_VERSIONS)('the accounts of tenants, with a hub of nats-server $name,', (version) => {
  let installation: Installation;
  let workers: INestApplicationContext[];

  const credentials = () => installation.idle.get(TenantCredentials, { strict: false });

  /** Resolves when a user of the tenant can connect to the hub. */
  const connects = (tenant: Tenant, creds: Awaited<ReturnType<Installation['person']>>['creds']) =>
    until(`a user of ${tenant.slug} connects`, () => installation.toHub(creds));

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    // Two processes: what they do at the same time must not disturb the other.
    workers = [await installation.process('worker'), await installation.process('worker')];
  });

  afterAll(() => installation.stop());

  describe('while the hub is away', () => {
    it('are made, and wait', async () => {
      const tenant = await installation.tenant('early');
      expect(await installation.account(tenant)).toMatchObject({ pushed: false, pushedRevision: null });
    });

    it('reach the hub when it comes', async () => {
      const tenant = await installation.tenant('before-the-hub');
      const { creds } = await installation.person(tenant);
      await installation.startHub();
      await installation.pushed(tenant);
      await expect(connects(tenant, creds)).resolves.toBeDefined();
    });
  });

  describe('when the hub comes back without what it was told', () => {
    it('are all told to it again', async () => {
      const tenants: Tenant[] = [];
      for (let number = 1; number <= 12; number++) tenants.push(await installation.tenant(`tenant-${number}`));
      const users = await Promise.all(tenants.map((tenant) => installation.person(tenant)));
      await Promise.all(tenants.map((tenant) => installation.pushed(tenant)));
      const before = await Promise.all(tenants.map((tenant) => installation.account(tenant)));

      await installation.stopHub({ forget: true });
      await installation.startHub();
      await Promise.all(tenants.map((tenant, index) => installation.pushedAgain(tenant, before[index]!.pushedAt!)));
      const connections = await Promise.all(tenants.map((tenant, index) => connects(tenant, users[index]!.creds)));
      expect(connections).toHaveLength(tenants.length);
    });
  });

  describe('with a user that is revoked', () => {
    it('have it dropped by the hub, and refused from then on', async () => {
      const tenant = await installation.tenant('revoking');
      const { user, creds } = await installation.person(tenant);
      const other = await installation.person(tenant);
      const connection = await connects(tenant, creds);
      const stays = await connects(tenant, other.creds);

      await credentials().revoke(installation.caller(tenant), user.id);

      expect(String(await connection.closed())).toMatch(/revoked|authoriz|authentic/i);
      await expect(installation.toHub(creds)).rejects.toThrow(/authorization/i);
      await expect(stays.flush()).resolves.toBeUndefined();
    });
  });

  describe('with a user that expires', () => {
    it('have it dropped by the hub then', async () => {
      const tenant = await installation.tenant('expiring');
      await installation.pushed(tenant);
      // Made anew each time: on a busy machine one may expire before it has connected.
      const connection = await until('one of them connects', async () => {
        const { creds } = await installation.person(tenant, { expiresIn: 3 });
        return installation.toHub(creds);
      });
      expect(String(await connection.closed())).toMatch(/expired/i);
    });
  });

  describe('with a user of few subjects', () => {
    it('hold it to them', async () => {
      const tenant = await installation.tenant('few-subjects');
      await installation.pushed(tenant);
      const connection = await connects(tenant, (await installation.person(tenant, { publish: ['logs.syslog'], subscribe: [] })).creds);
      const refused = (async () => {
        for await (const status of connection.status()) if (status.type === 'error') return status.error.message;
        return 'closed';
      })();
      connection.publish('logs.syslog', 'may');
      connection.publish('$JS.API.STREAM.DELETE.events');
      expect(await refused).toMatch(/Permissions Violation.*STREAM\.DELETE/i);
    });
  });

  describe('changed by many at the same time', () => {
    it('reach the hub in the order of their revisions, the newest last', async () => {
      const tenant = await installation.tenant('racing');
      const people = await Promise.all(Array.from({ length: 24 }, () => installation.person(tenant)));
      const { publicKey } = await installation.account(tenant);
      const system = await installation.system();
      const pushed: number[] = [];
      system.subscribe(CLAIMS_UPDATE_SUBJECT, {
        callback: (_error, message) => {
          const { sub, nats } = decodeAccount(message.string());
          if (sub === publicKey) pushed.push(Object.keys(nats.revocations ?? {}).length);
        },
      });
      await system.flush();

      // All wait for the same row: some perhaps too long, and ask again.
      const patiently = (revoke: () => Promise<unknown>) => until('it is revoked', () => revoke().then(() => true));
      const callers = workers.map((worker) => worker.get(TenantCredentials, { strict: false }));
      await Promise.all(people.map(({ user }, index) => patiently(() => callers[index % 2]!.revoke(installation.caller(tenant), user.id))));
      await installation.pushed(tenant);
      await system.flush();

      expect(pushed.at(-1)).toBe(people.length);
      expect(pushed).toEqual([...pushed].sort((a, b) => a - b));
      const stored = await system.request(`$SYS.REQ.ACCOUNT.${publicKey}.CLAIMS.LOOKUP`, '', { timeout: 10_000 });
      expect(stored.string()).toBe((await installation.account(tenant)).jwt);
    });
  });

  describe('changed while a push of what they were is under way', () => {
    it('are at the hub as they are now', async () => {
      const tenant = await installation.tenant('overtaken');
      const { user } = await installation.person(tenant);
      await installation.pushed(tenant);
      const { id, publicKey } = await installation.account(tenant);
      const slow = new SlowHub(workers[0]!.get(HubConnection, { strict: false }));
      const pusher = new AccountPusher(installation.database.database, slow as unknown as HubConnection, systemClock);
      // What the hub confirmed before it came does not count.
      await pusher.hubCame();
      const pushing = pusher.push(id);
      await slow.reached;

      const revoking = credentials().revoke(installation.caller(tenant), user.id).then(() => installation.pushed(tenant));
      let revoked = false;
      void revoking.then(() => (revoked = true));
      await until('the change waits for the push, or is made', async () => revoked || installation.somebodyWaits());
      slow.goOn();
      await Promise.all([pushing, revoking]);

      const system = await installation.system();
      const stored = await system.request(`$SYS.REQ.ACCOUNT.${publicKey}.CLAIMS.LOOKUP`, '', { timeout: 10_000 });
      expect(stored.string()).toBe((await installation.account(tenant)).jwt);
    });
  });

  it('are read by a worker that connects only now, too', async () => {
    const worker = await installation.process('worker');
    await until('it is connected', () => worker.get(HubConnection, { strict: false }).connected);
    await installation.end(worker);
    expect(worker.get(HubConnection, { strict: false }).connected).toBe(false);
  });
});

describe.each(NATS_VERSIONS)('a hub of nats-server $name that clients reach over the network', (version) => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await Installation.prepare(version, { tls: true });
  });

  afterAll(() => installation.stop());

  it('takes accounts from the control plane over mutual TLS', async () => {
    await installation.startHub();
    await installation.process('worker');
    await installation.pushed(await installation.tenant('over-tls'));
  });

  it('refuses who shows no certificate', async () => {
    const { creds } = await installation.person(await installation.tenant('without-certificate'));
    await expect(installation.toHub(creds)).rejects.toThrow();
  });
});
