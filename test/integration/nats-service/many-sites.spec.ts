import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { forEachOf, type Secret } from '#libs/kernel';
import { NatsLeafServer, type Tenant } from '#libs/model';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';
const SITES = 200;
const MESSAGES = 5;
/** Servers that are started, or asked, at the same time. */
const CONCURRENCY = 8;
const PATIENCE = { timeout: 180_000, interval: 250 };

const slugs = Array.from({ length: SITES }, (_, index) => `site-${index + 1}`);

describe(`a tenant with ${SITES} sites, each a server of its own,`, () => {
  let installation: Installation;
  let tenant: Tenant;
  let creds: Secret;
  let hub: NatsConnection;
  const siteIds = new Map<string, string>();
  const leaves = new Map<string, TestLeaf>();
  const published: string[] = [];

  const stream = async (connection: NatsConnection, name = 'events'): Promise<StreamInfo> =>
    (await jetstreamManager(connection, { checkAPI: false, timeout: 10_000 })).streams.info(name);
  const sources = async (names: string[]) => (await Promise.all(names.map((name) => stream(hub, name)))).flatMap((info) => info.sources ?? []);
  const connectToHub = () => installation.toHub(creds);
  /** All that is in `events`, when it holds what was published. */
  const received = async () => {
    await until('events holds what was published', async () => {
      // While two hundred leaves come back, the hub may take the reader for gone.
      if (hub.isClosed()) hub = await connectToHub();
      return (await stream(hub)).state.messages >= published.length;
    }, PATIENCE);
    return (await storedTexts(hub)).sort();
  };
  /** Publishes at every site, with acknowledgement. */
  const publishAtAll = async (what: string) => {
    await forEachOf(slugs, CONCURRENCY, async (slug) => {
      const connection = await leaves.get(slug)!.connect(creds);
      const client = jetstream(connection, { checkAPI: false });
      await until(`${slug} has its stream`, () => stream(connection), PATIENCE);
      const texts = Array.from({ length: MESSAGES }, (_, index) => `${slug} ${what} ${index}`);
      for (const text of texts) await client.publish(SUBJECT, text);
      published.push(...texts);
      await connection.close();
    });
  };

  beforeAll(async () => {
    installation = await Installation.prepare(NATS_VERSIONS.at(-1)!);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    for (const [index, id] of (await installation.manySites(tenant, slugs)).entries()) siteIds.set(slugs[index]!, id);
    await installation.pushed(tenant);
    creds = await installation.unlimited(tenant);
    hub = await connectToHub();
  }, 300_000);

  afterAll(() => installation.stop(), 180_000);

  it('has four streams at the hub for them, each with the sources of fifty', async () => {
    await forEachOf(slugs, CONCURRENCY, async (slug) => void leaves.set(slug, await installation.startLeaf(tenant, siteIds.get(slug)!)));
    const counts = async () =>
      Promise.all(
        ['events', 'events-1', 'events-2', 'events-3'].map(async (name) => ((await stream(hub, name)).config.sources ?? []).filter(({ external }) => external).length),
      );
    // Not counted again: one that is re-armed is out for a moment.
    const all = await until('all are sourced', async () => {
      const found = await counts();
      return found.reduce((sum, one) => sum + one, 0) === SITES && found;
    }, PATIENCE);
    expect(all).toEqual([50, 50, 50, 50]);
    const rows = await installation.database.database.em({ tenantId: tenant.id }).find(NatsLeafServer, {}, { fields: ['hubShard'] });
    expect(new Set(rows.map(({ hubShard }) => hubShard))).toEqual(new Set([0, 1, 2, 3]));
  }, 400_000);

  it('finds what all of them publish in `events`, each message once, and at no other site', async () => {
    await publishAtAll('first');
    expect(await received()).toEqual([...published].sort());
    await forEachOf(slugs, CONCURRENCY, async (slug) => {
      const connection = await leaves.get(slug)!.connect(creds);
      expect(await storedTexts(connection)).toEqual(published.filter((text) => text.startsWith(`${slug} `)));
      await connection.close();
    });
  }, 400_000);

  it('finds what they store while the hub is away, each message once, when it is back', async () => {
    await installation.stopHub();
    await publishAtAll('hub away');
    await installation.startHub();
    hub = await until('the reader is back', connectToHub);
    expect(await received()).toEqual([...published].sort());
    await until('all sources are heard', async () => {
      const all = await sources(['events', 'events-1', 'events-2', 'events-3']);
      return all.length === SITES + 3 && all.every(({ active }) => active >= 0);
    }, PATIENCE);
    expect((await stream(hub)).state.messages).toBe(published.length);
  }, 400_000);
});
