import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Tenant } from '#libs/model';
import { StreamSubjectsService } from '../../../src/streams/stream-subjects.service.js';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const ADDED = 'sensors.>';
const texts = (place: string, count: number) => Array.from({ length: count }, (_, index) => `${place} ${index}`);

describe.each(NATS_VERSIONS)('a subject that a tenant with two sites adds, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;
  let hub: NatsConnection;
  const siteIds: string[] = [];
  const leaves: TestLeaf[] = [];
  const sites: NatsConnection[] = [];

  const set = (subjects: string[]) => installation.idle.get(StreamSubjectsService, { strict: false }).set(installation.caller(tenant), subjects);
  const info = async (connection: NatsConnection) => (await jetstreamManager(connection, { checkAPI: false, timeout: 1_000 })).streams.info('events');
  const stores = (connection: NatsConnection, subject: string) =>
    until(`the stream stores ${subject}`, async () => (await info(connection)).config.subjects?.includes(subject));
  const publish = async (connection: NatsConnection, subject: string, all: string[]) => {
    for (const text of all) await jetstream(connection, { checkAPI: false }).publish(subject, text);
  };
  const connectToLeaf = async (leaf: TestLeaf) => leaf.connect(await installation.unlimited(tenant));

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    for (const slug of ['new-york', 'oslo']) siteIds.push((await installation.site(tenant, slug)).site.id);
    await installation.pushed(tenant);
    hub = await installation.toHub(await installation.unlimited(tenant));
    for (const siteId of siteIds) {
      const leaf = await installation.startLeaf(tenant, siteId);
      leaves.push(leaf);
      sites.push(await connectToLeaf(leaf));
    }
    for (const connection of [hub, ...sites]) await stores(connection, 'otel');
  });

  afterAll(async () => {
    await Promise.all(sites.map((site) => site.close()));
    await installation.stop();
  });

  it('is stored at each site and at the hub, as the leaves run', async () => {
    await set([ADDED]);
    for (const connection of [hub, ...sites]) await stores(connection, ADDED);
    for (const siteId of siteIds) expect((await installation.found(tenant, siteId)).leaf.generation).toBe(1);
  });

  it('brings each message to the hub once, and to no other site, though the leaves do not deny it on their links', async () => {
    await publish(sites[0]!, 'sensors.a', texts('new-york', 30));
    await publish(sites[1]!, 'sensors.b.c', texts('oslo', 20));
    await publish(hub, 'sensors.d', texts('hub', 10));
    await until('all are at the hub', async () => (await info(hub)).state.messages >= 60);
    expect((await storedTexts(sites[0]!, ADDED)).sort()).toEqual(texts('new-york', 30).sort());
    expect((await storedTexts(sites[1]!, ADDED)).sort()).toEqual(texts('oslo', 20).sort());
    expect((await storedTexts(hub, ADDED)).sort()).toEqual([...texts('new-york', 30), ...texts('oslo', 20), ...texts('hub', 10)].sort());
  });

  it('is stored by a leaf that was away when it was added, once that connects', async () => {
    await sites[1]!.close();
    await leaves[1]!.stop();
    await until('the leaf is offline', async () => (await installation.found(tenant, siteIds[1]!)).leaf.linkId === null);
    await set([ADDED, 'machines.*']);
    await stores(sites[0]!, 'machines.*');
    await leaves[1]!.start();
    sites[1] = await connectToLeaf(leaves[1]!);
    await stores(sites[1], 'machines.*');
  });

  it('is stored no longer when it is taken away, and what was stored stays', async () => {
    await set(['machines.*']);
    for (const connection of [hub, ...sites]) {
      await until('the stream stores it no longer', async () => !(await info(connection)).config.subjects?.includes(ADDED));
    }
    expect((await storedTexts(hub, ADDED)).length).toBe(60);
    await expect(publish(sites[0]!, 'sensors.a', ['lost'])).rejects.toThrow();
  });
});
