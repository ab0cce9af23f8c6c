import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { createInbox, type NatsConnection } from '@nats-io/transport-node';
import { COLLECTOR_TYPES, type CollectorType } from '#libs/contracts';
import { ok } from '../../lab/api.js';
import type { Collector } from '../../lab/collector.js';
import type { Deployment } from '../../lab/deployment.js';
import { count, labelled, publish, read, streamReady } from '../../lab/messages.js';
import { connectToHub } from '../../lab/nats-client.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import type { Site } from '../../lab/site.js';
import type { Tenant } from '../../lab/tenant.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

const SUBJECTS: Record<CollectorType, string[]> = {
  flowgger: ['logs.syslog'],
  trapd: ['logs.snmp'],
  netflow: ['events.netflow'],
  sflow: ['flows.raw.sflow'],
  otel: ['otel', 'logs.otel'],
  falcosidekick: ['falco.critical.terminal_shell'],
};
const ALL_SUBJECTS = Object.values(SUBJECTS).flat();
const HOST_TYPES = COLLECTOR_TYPES.filter((type) => type !== 'falcosidekick');

const PLACES = ['leaf', 'hub'] as const;
type Place = (typeof PLACES)[number];
const DIALS: Record<Place, string> = { leaf: 'a collector at a site, which dials its leaf,', hub: 'a collector without a site, which dials the hub,' };

/** One collector of each type, downloaded. */
type Collectors = Record<CollectorType, Collector>;

describe.each(Object.entries(NATS_SERVERS))('on nats-server %s', (_version, natsServer) => {
  const connections: NatsConnection[] = [];
  const lab = withDeployment(
    async (deployment) => {
      const [acme, globex] = [await deployment.tenant('Acme'), await deployment.tenant('Globex')];
      const site = await acme.createSite('New York');
      await site.install();
      const atHub = await observer(deployment, acme, site);
      connections.push(atHub);
      await streamReady(atHub);
      await streamOfLeafReady(acme, site);
      const [leaf, hub] = await Promise.all([collectorsOf(acme, site), collectorsOf(acme)]);
      return { acme, globex, site, atHub, collectors: { leaf, hub } };
    },
    { natsServer, clientTls: true },
  );
  afterAll(() => Promise.all(connections.map((connection) => connection.close())));

  const connected = async (collector: Collector, configuration = collector.configuration) => {
    const connection = await collector.connect(configuration);
    connections.push(connection);
    return connection;
  };

  describe.each(PLACES.map((place) => [DIALS[place], place] as const))('%s', (_dials, place) => {
    const urlOf = ({ deployment, site }: { deployment: Deployment; site: Site }) =>
      place === 'leaf' ? `tls://127.0.0.1:${site.leaf.port}` : deployment.hub.clientUrl;

    it.each(COLLECTOR_TYPES)('connects with the files of its bundle, and finds the stream: %s', async (type) =>
      lab(async ({ deployment, arranged: { site, collectors } }) => {
        const collector = collectors[place][type];
        const { url, subjects, domain } = collector.configuration;
        expect({ url, subjects }).toEqual({ url: urlOf({ deployment, site }), subjects: SUBJECTS[type] });
        const connection = await connected(collector);
        const manager = await jetstreamManager(connection, { domain, checkAPI: false });
        expect((await manager.streams.info('events')).config.name).toBe('events');
      })(),
    );

    it('is downloaded, and installed once it has connected', lab(async ({ arranged: { acme, site, collectors } }) => {
      const fresh = await downloaded(acme, 'otel', place === 'leaf' ? site : undefined);
      expect(await fresh.get()).toMatchObject({ status: 'downloaded', installed_at: null });
      const all = [fresh, ...Object.values(collectors[place])];
      for (const collector of all) await connected(collector);
      for (const { status, downloaded_at, installed_at } of await Promise.all(all.map((collector) => collector.seen()))) {
        expect(status).toBe('installed');
        expect(Date.parse(installed_at!)).toBeGreaterThanOrEqual(Date.parse(downloaded_at!));
      }
    }));

    it.each(COLLECTOR_TYPES)('has its messages acknowledged, and each is at the hub once: %s', async (type) =>
      lab(async ({ arranged: { atHub, collectors } }) => {
        const connection = await connected(collectors[place][type]);
        for (const subject of SUBJECTS[type]) {
          await publish(connection, { subject, label: `${place} ${type}`, count: 10 });
          expect(await received(atHub, subject, `${place} ${type}`, 10)).toEqual(numbered(`${place} ${type}`, 10));
        }
      })(),
    );

    it.each(COLLECTOR_TYPES)('may not publish what the other types do: %s', async (type) =>
      lab(async ({ arranged: { collectors } }) => {
        const connection = await connected(collectors[place][type]);
        for (const subject of ALL_SUBJECTS.filter((subject) => !SUBJECTS[type].includes(subject))) {
          await expect(jetstream(connection).publish(subject, 'foreign')).rejects.toThrow(refusedTo('publish', subject));
        }
      })(),
    );

    it.each(['>', '*', 'logs.>', 'logs.syslog', '$JS.>', '_sync.>', '_CP.>'])('may not listen to %s', async (subject) =>
      lab(async ({ arranged: { collectors } }) => {
        const connection = await connected(collectors[place].flowgger);
        const heard = new Promise((resolve, reject) => connection.subscribe(subject, { callback: (error, message) => (error ? reject(error) : resolve(message)) }));
        await expect(heard).rejects.toThrow(refusedTo('subscription', subject));
      })(),
    );

    it.each([
      'STREAM.MSG.GET.events',
      'DIRECT.GET.events',
      'DIRECT.GET.events.logs.syslog',
      'CONSUMER.CREATE.events',
      'CONSUMER.CREATE.events.reader.logs.syslog',
      'CONSUMER.DURABLE.CREATE.events.reader',
      'CONSUMER.MSG.NEXT.events.reader',
      'CONSUMER.NAMES.events',
      'STREAM.CREATE.copy',
      'STREAM.UPDATE.events',
      'STREAM.PURGE.events',
      'STREAM.DELETE.events',
    ])('may not ask JetStream for %s, in any domain', async (call) =>
      lab(async ({ arranged: { collectors } }) => {
        for (const type of ['flowgger', 'trapd'] as const) {
          const connection = await connected(collectors[place][type]);
          for (const api of ['$JS.API', '$JS.edge.API', '$JS.hub.API']) expect(await refusal(connection, `${api}.${call}`)).toContain(`.API.${call}"`);
        }
      })(),
    );

    it('is cut off when its package is revoked, and refused when it comes back, while others stay', lab(async ({ arranged: { acme, site, atHub, collectors } }) => {
      const revoked = await downloaded(acme, 'flowgger', place === 'leaf' ? site : undefined);
      const connection = await connected(revoked);
      const other = await connected(collectors[place].flowgger);

      const start = performance.now();
      await revoked.revoke();
      await until('it is cut off', () => connection.isClosed());
      console.log(`A collector at the ${place} was cut off ${Math.round(performance.now() - start)} ms after its revocation was asked for.`);

      await expect(revoked.connect()).rejects.toThrow(/authorization violation/i);
      await publish(other, { subject: 'logs.syslog', label: `${place} other`, count: 1 });
      expect(await received(atHub, 'logs.syslog', `${place} other`, 1)).toHaveLength(1);
    }));

    it('that is renewed works beside what it was before, until it is seen at work; then what it was before is refused', lab(async ({ deployment, arranged: { acme, site, atHub } }) => {
      const collector = await downloaded(acme, 'flowgger', place === 'leaf' ? site : undefined);
      const prefix = `${deployment.directory}/hosts/${place} renewed`;
      expect(await collector.update(prefix)).toMatchObject({ code: 0 });
      const before = { ...collector.configuration };
      const old = await connected(collector, before);
      await collector.seen();

      await collector.renew();
      expect(await collector.get()).toMatchObject({ status: 'installed', config_outdated: true, installed_generation: 1 });
      await collector.download();
      const { code, output } = await collector.update(prefix);
      expect({ code, output }).toMatchObject({ code: 0 });
      await publish(old, { subject: 'logs.syslog', label: `${place} before`, count: 1 });
      await (await collector.connect(before)).close();

      const fresh = await connected(collector, collector.installed(prefix));
      await publish(fresh, { subject: 'logs.syslog', label: `${place} after`, count: 1 });
      await until('the one before is cut off', () => old.isClosed());
      expect(await collector.get()).toMatchObject({ status: 'installed', config_outdated: false, installed_generation: 2 });
      await expect(collector.connect(before)).rejects.toThrow(/authorization violation/i);
      for (const label of [`${place} before`, `${place} after`]) expect(await received(atHub, 'logs.syslog', label, 1)).toHaveLength(1);
    }));

    it.each(HOST_TYPES)('connects with the files that its update.sh installed: %s', async (type) =>
      lab(async ({ deployment, arranged: { collectors } }) => {
        const collector = collectors[place][type];
        const prefix = `${deployment.directory}/hosts/${place} ${type}`;
        const { code, output } = await collector.update(prefix);
        expect({ code, output }).toMatchObject({ code: 0 });

        const installed = collector.installed(prefix);
        for (const file of [installed.cert, installed.key, installed.ca, installed.creds]) expect(file.startsWith(`${prefix}/etc/`)).toBe(true);
        const connection = await connected(collector, installed);
        await publish(connection, { subject: SUBJECTS[type][0]!, label: `${place} installed`, count: 1 });
      })(),
    );
  });

  describe('at the leaf of a site, a collector of another tenant', () => {
    it('is refused with its certificate', lab(async ({ arranged: { globex, site, collectors } }) => {
      const foreign = await downloaded(globex, 'flowgger');
      const { url } = collectors.leaf.flowgger.configuration;
      await expect(foreign.connect({ ...foreign.configuration, url })).rejects.toThrow();
      await until('the leaf says why', () => /certificate signed by unknown authority/.test(site.leaf.log));
    }));

    it('is refused with its credentials, whatever certificate it shows', lab(async ({ arranged: { globex, collectors } }) => {
      const { creds } = (await downloaded(globex, 'flowgger')).configuration;
      const own = collectors.leaf.flowgger;
      await expect(own.connect({ ...own.configuration, creds })).rejects.toThrow(/authorization violation/i);
    }));
  });

  describe('a collector whose site is deleted', () => {
    it('dials the hub once its bundle is fetched again, as who it was', lab(async ({ deployment, arranged: { acme, atHub } }) => {
      const site = await acme.createSite('Oslo');
      const collector = await downloaded(acme, 'trapd', site);
      const { user_name: name } = await collector.get();
      await ok(acme.api.delete(`/admin/edge-sites/${site.id}?collectors=detach`));
      expect(await collector.get()).toMatchObject({ config_outdated: true, nats_url: deployment.hub.clientUrl });

      await collector.download();
      expect(await collector.get()).toMatchObject({ config_outdated: false, user_name: name });
      const connection = await connected(collector);
      await publish(connection, { subject: 'logs.snmp', label: 'detached', count: 1 });
      expect(await received(atHub, 'logs.snmp', 'detached', 1)).toHaveLength(1);
    }));
  });

  describe('after all that', () => {
    it('no message is there that nobody was to publish, and none twice', lab(async ({ arranged: { atHub } }) => {
      const expected = (subject: string) =>
        PLACES.length * (10 + installedOn(subject)) + (subject === 'logs.syslog' ? 3 * PLACES.length : 0) + (subject === 'logs.snmp' ? 1 : 0);
      for (const subject of ALL_SUBJECTS) {
        await until(`all are there on ${subject}`, async () => (await count(atHub, subject)) >= expected(subject));
        expect([subject, await count(atHub, subject)]).toEqual([subject, expected(subject)]);
      }
    }));
  });
});

/** How many messages each place's installed collectors publish on a subject. */
const installedOn = (subject: string): number => (HOST_TYPES.some((type) => SUBJECTS[type][0] === subject) ? 1 : 0);

/** Somebody of the tenant's who reads the stream at the hub. */
async function observer({ hub }: Deployment, tenant: Tenant, { leaf }: Site): Promise<NatsConnection> {
  return connectToHub({ url: hub.clientUrl, creds: await tenant.credentials({ subscribe: ALL_SUBJECTS }), certificates: leaf.certificates });
}

async function streamOfLeafReady(tenant: Tenant, { leaf }: Site): Promise<void> {
  const connection = await leaf.connect(await tenant.credentials({ subscribe: ALL_SUBJECTS }));
  await streamReady(connection);
  await connection.close();
}

async function downloaded(tenant: Tenant, type: CollectorType, site?: Site): Promise<Collector> {
  const collector = await tenant.createCollector(type, site);
  await collector.download();
  return collector;
}

async function collectorsOf(tenant: Tenant, site?: Site): Promise<Collectors> {
  const all = await Promise.all(COLLECTOR_TYPES.map(async (type) => [type, await downloaded(tenant, type, site)] as const));
  return Object.fromEntries(all) as Collectors;
}

/** Waits until that many messages with the label are at the hub. @returns all of them that are there */
async function received(atHub: NatsConnection, subject: string, label: string, expected: number): Promise<string[]> {
  return until(`${expected} messages "${label}" are on ${subject}`, async () => {
    const found = labelled(await read(atHub, subject, 1), label);
    return found.length >= expected && found.map(({ text }) => text);
  });
}

const numbered = (label: string, length: number): string[] => Array.from({ length }, (_, index) => `${label} ${index + 1}`);

/** Publishes what has to be refused. @returns what the server says; of its own domain it names the subject without it */
async function refusal(connection: NatsConnection, subject: string): Promise<string> {
  const said: string[] = [];
  const statuses = connection.status();
  void (async () => {
    for await (const status of statuses) if (status.type === 'error') said.push(status.error.message);
  })();
  connection.publish(subject, '{}', { reply: createInbox() });
  // What the server says of it comes before its answer to this.
  await connection.flush();
  return until(`${subject} is refused`, () => said.find((text) => /permissions violation for publish/i.test(text)), { timeout: 1_000 });
}

const refusedTo = (what: 'publish' | 'subscription', subject: string): RegExp =>
  new RegExp(`permissions violation for ${what} to "${subject.replace(/[$.*]/g, '\\$&')}"`, 'i');
