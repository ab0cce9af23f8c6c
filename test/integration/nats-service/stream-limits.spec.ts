import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Tenant } from '#libs/model';
import { SiteBuffers, Streams } from '../../../src/streams/index.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const DAY = 86_400;
const NANOSECONDS = 1_000_000_000;

describe.each(NATS_VERSIONS)('what a site’s leaf is to keep, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;
  let siteId: string;
  let leaf: TestLeaf;
  let hub: NatsConnection;
  let site: NatsConnection;

  const info = async (connection: NatsConnection, timeout = 10_000): Promise<StreamInfo> =>
    (await jetstreamManager(connection, { checkAPI: false, timeout })).streams.info('events');
  const stream = (connection: NatsConnection, what: string, condition: (info: StreamInfo) => boolean) =>
    until(what, async () => {
      const found = await info(connection, 1_000);
      return condition(found) ? found : undefined;
    });
  const change = (buffer: object) => installation.sites.update(installation.caller(tenant), siteId, { buffer });
  const connectToLeaf = async () => leaf.connect(await installation.unlimited(tenant));

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    siteId = (await installation.site(tenant, 'oslo')).site.id;
    await installation.pushed(tenant);
    leaf = await installation.startLeaf(tenant, siteId);
    hub = await installation.toHub(await installation.unlimited(tenant));
    site = await connectToLeaf();
  });

  afterAll(async () => {
    await site.close();
    await installation.stop();
  });

  it('is what its stream keeps from the beginning', async () => {
    const { config } = await stream(site, 'the leaf has its stream', () => true);
    expect(config).toMatchObject({ max_age: 7 * DAY * NANOSECONDS, max_bytes: 9_663_676_416, discard: 'old' });
    await stream(hub, 'the hub has its stream', () => true);
  });

  it('is kept for as long at the hub, and changed as the leaf runs', async () => {
    await change({ maxAge: 30 * DAY, discard: 'new' });
    await stream(site, 'the leaf keeps messages for 30 days', ({ config }) => config.max_age === 30 * DAY * NANOSECONDS && config.discard === 'new');
    // The hub comes first: it is never found to keep less than a leaf.
    expect((await info(hub)).config).toMatchObject({ max_age: 30 * DAY * NANOSECONDS, discard: 'old' });
  });

  it('is narrowed when the hub has all that the leaf holds, and not before', async () => {
    const publish = async (count: number) => {
      for (let n = 0; n < count; n++) await jetstream(site, { checkAPI: false }).publish('logs.syslog', Buffer.alloc(200_000));
    };
    await publish(5);
    await stream(hub, 'all are at the hub', ({ state }) => state.messages === 5);
    const manager = await jetstreamManager(hub, { checkAPI: false });
    const { config } = await manager.streams.info('events');
    const buffers = installation.idle.get(SiteBuffers, { strict: false });
    const em = () => installation.database.database.em({ tenantId: tenant.id });
    const isDrained = async () => (await buffers.measured(tenant.id, siteId))?.waitingMessages === 0;
    await until('the hub is known to have all of it', isDrained);
    // As long as nobody gives the hub its source back.
    await installation.database.database.transaction({ tenantId: tenant.id }, async (locking) => {
      await locking.execute('set local lock_timeout = 0');
      await locking.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`streams ${tenant.id}`]);
      await manager.streams.update('events', { ...config, sources: [] });
      await publish(5);
      await change({ maxAge: 3 * DAY, maxBytes: 2 ** 20 });
      await until('the leaf was asked what waits', async () => (await buffers.ofSite(em(), siteId))?.waitingMessages === 5);
      await stream(site, 'the limits stay', (found) => found.config.max_bytes > 2 ** 20 && found.state.messages === 10);
    });
    const { config: held, state } = await info(site);
    expect([held.max_age, held.max_bytes, state.messages]).toEqual([30 * DAY * NANOSECONDS, 9_663_676_416, 10]);

    await manager.streams.update('events', config);
    await stream(hub, 'all are at the hub', (found) => found.state.messages === 10);
    await until('the hub is known to have all of it', isDrained);
    const narrowed = await until('the leaf keeps messages for 3 days', async () => {
      await installation.idle.get(Streams, { strict: false }).requestTenant(tenant.id);
      const found = await info(site, 1_000);
      return found.config.max_age === 3 * DAY * NANOSECONDS && found.config.discard === 'new' && found;
    }, { interval: 1_000 });
    expect(narrowed.config.max_bytes).toBe(2 ** 20);
    expect(narrowed.state.messages).toBeLessThan(6);
    // The hub keeps what it has.
    expect(await info(hub)).toMatchObject({ config: { max_age: 30 * DAY * NANOSECONDS }, state: { messages: 10 } });
  });

  it('is applied when the leaf connects, where it was away', async () => {
    await site.close();
    await leaf.stop();
    await until('the leaf is offline', async () => (await installation.found(tenant, siteId)).leaf.linkId === null);
    await change({ maxAge: 40 * DAY, maxBytes: null });
    await leaf.start();
    site = await connectToLeaf();
    await stream(site, 'the leaf keeps messages for 40 days', ({ config }) => config.max_age === 40 * DAY * NANOSECONDS);
    expect((await info(hub)).config.max_age).toBe(40 * DAY * NANOSECONDS);
  });

  it('keeps nobody from hearing of a leaf that has not got the disk for it yet', async () => {
    const caller = installation.caller(tenant);
    await installation.sites.update(caller, siteId, { jetstreamMaxFileBytes: 20 * 2 ** 30 });
    await installation.provisioned(tenant, siteId);
    await change({ maxAge: 50 * DAY });
    await stream(hub, 'the hub keeps messages for 50 days', ({ config }) => config.max_age === 50 * DAY * NANOSECONDS);
    await site.close();
    await leaf.stop();
    await leaf.start();
    site = await connectToLeaf();
    // Its stream is refused, and its source armed all the same.
    await stream(hub, 'the source is heard', ({ sources }) => sources?.some(({ active }) => active > 0 && active < 2 * NANOSECONDS) ?? false);
    expect((await info(site)).config).toMatchObject({ max_age: 40 * DAY * NANOSECONDS, max_bytes: 9_663_676_416 });
  });
});
