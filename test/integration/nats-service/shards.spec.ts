import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Tenant } from '#libs/model';
import { SiteBuffers } from '../../../src/streams/index.js';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';
const DAY = 86_400;
const SITES = ['bonn', 'lima', 'oslo', 'paris', 'rome'];

describe.each(NATS_VERSIONS)('a tenant with more sites than one stream at the hub takes, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;
  let hub: NatsConnection;
  const siteIds = new Map<string, string>();
  const leaves = new Map<string, TestLeaf>();
  const published: string[] = [];

  const streams = async () => (await jetstreamManager(hub, { checkAPI: false, timeout: 10_000 })).streams;
  const info = async (stream: string): Promise<StreamInfo> => (await streams()).info(stream);
  const sourcesOf = async (stream: string) => ((await info(stream)).config.sources ?? []).map(({ name, external }) => external?.deliver ?? name).sort();
  const shardOf = async (slug: string) => (await installation.found(tenant, siteIds.get(slug)!)).leaf.hubShard;
  const measured = async (slug: string) => (await installation.idle.get(SiteBuffers, { strict: false }).measured(tenant.id, siteIds.get(slug)!))!;
  /** What was measured when the hub was known to have all of it. */
  const drained = (slug: string) =>
    until(`the hub is known to have all of ${slug}`, async () => {
      const buffer = await measured(slug);
      return buffer.waitingMessages === 0 && buffer;
    });
  /** Refused while it is not known that the hub has all of it. */
  const remove = (slug: string) =>
    until(`${slug} can be deleted`, () => installation.sites.delete(installation.caller(tenant), siteIds.get(slug)!).then(() => true));
  const connectToHub = async () => installation.toHub(await installation.unlimited(tenant));
  const received = async () => {
    await until('events holds what was published', async () => (await info('events')).state.messages >= published.length);
    return (await storedTexts(hub)).sort();
  };

  const create = async (slug: string) => {
    siteIds.set(slug, (await installation.site(tenant, slug)).site.id);
    await installation.pushed(tenant);
  };
  const connect = async (slug: string) => {
    await create(slug);
    leaves.set(slug, await installation.startLeaf(tenant, siteIds.get(slug)!));
    await until(`a stream at the hub sources ${slug}`, async () => {
      const shard = await shardOf(slug);
      return shard != null && (await sourcesOf(shard === 0 ? 'events' : `events-${shard}`)).includes(`_sync.${slug}`);
    });
  };
  /** Publishes at a site, with acknowledgement. @returns what its stream holds then */
  const publish = async (slug: string, count: number): Promise<number> => {
    const connection = await leaves.get(slug)!.connect(await installation.unlimited(tenant));
    const client = jetstream(connection, { checkAPI: false });
    const manager = await until('the leaf has its stream', async () => {
      const { streams } = await jetstreamManager(connection, { checkAPI: false });
      await streams.info('events');
      return streams;
    });
    for (let n = 0; n < count; n++) {
      const text = `${slug} ${published.length}`;
      await client.publish(SUBJECT, text);
      published.push(text);
    }
    const { state } = await manager.info('events');
    await connection.close();
    return state.messages;
  };

  beforeAll(async () => {
    installation = await Installation.prepare(version, { sitesPerStream: 2 });
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    await installation.pushed(tenant);
    hub = await connectToHub();
  });

  afterAll(() => installation.stop());

  it('has them in shards, which `events` sources', async () => {
    for (const slug of SITES) await connect(slug);
    await until('events sources all shards', async () => (await sourcesOf('events')).includes('events-2'));
    expect(await Promise.all(SITES.map(shardOf))).toEqual([0, 0, 1, 1, 2]);
    expect(await sourcesOf('events')).toEqual(['_sync.bonn', '_sync.lima', 'events-1', 'events-2']);
    expect([await sourcesOf('events-1'), await sourcesOf('events-2')]).toEqual([['_sync.oslo', '_sync.paris'], ['_sync.rome']]);
    const { config, state } = await info('events-1');
    expect(config.subjects ?? []).toEqual([]);
    expect(state.first_seq).toBeGreaterThan(1_000_000_000_000_000);
    expect(config.sources?.map(({ opt_start_seq }) => opt_start_seq)).toEqual([1, 1]);
  });

  it('keeps each site’s messages there, and finds all of them in `events`, each once', async () => {
    const atSites: number[] = [];
    for (const slug of SITES) atSites.push(await publish(slug, 20));
    await jetstream(hub, { checkAPI: false }).publish(SUBJECT, 'straight to the hub');
    published.push('straight to the hub');
    expect(atSites).toEqual([20, 20, 20, 20, 20]);
    expect(await received()).toEqual([...published].sort());
  });

  it('knows what waits at a leaf in a shard', async () => {
    expect(await drained('oslo')).toMatchObject({ messages: 20 });
    const { config } = await info('events-1');
    await installation.database.database.transaction({ tenantId: tenant.id }, async (em) => {
      await em.execute('set local lock_timeout = 0');
      await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`streams ${tenant.id}`]);
      await (await streams()).update('events-1', { ...config, sources: [] });
      await publish('oslo', 3);
      expect(await measured('oslo')).toMatchObject({ messages: 23, waitingMessages: 3 });
      const removed = installation.sites.delete(installation.caller(tenant), siteIds.get('oslo')!);
      await expect(removed).rejects.toMatchObject({ code: 'site_has_buffered_messages' });
      await (await streams()).update('events-1', config);
    });
    expect(await received()).toEqual([...published].sort());
    expect(await drained('oslo')).toMatchObject({ messages: 23 });
  });

  it('finds them there, once, also after the hub was away', async () => {
    await installation.stopHub();
    for (const slug of SITES) await publish(slug, 5);
    await installation.startHub();
    hub = await until('the reader is back', connectToHub);
    expect(await received()).toEqual([...published].sort());
    for (const slug of ['bonn', 'paris']) await publish(slug, 5);
    expect(await received()).toEqual([...published].sort());
  });

  it('finds them there, once, when a leaf in a shard was away', async () => {
    await leaves.get('rome')!.stop();
    await leaves.get('rome')!.start();
    await publish('rome', 5);
    expect(await received()).toEqual([...published].sort());
  });

  it('has shards that keep messages for as long as the leaves that keep them longest, and `events` too', async () => {
    await installation.sites.update(installation.caller(tenant), siteIds.get('rome')!, { buffer: { maxAge: 30 * DAY } });
    const connection = await leaves.get('rome')!.connect(await installation.unlimited(tenant));
    const { streams: atLeaf } = await jetstreamManager(connection, { checkAPI: false });
    await until('the leaf keeps messages for 30 days', async () => (await atLeaf.info('events')).config.max_age === 30 * DAY * 1e9);
    await connection.close();
    const ages = await Promise.all(['events', 'events-1', 'events-2'].map(async (stream) => (await info(stream)).config.max_age));
    expect(ages).toEqual(Array(3).fill(30 * DAY * 1e9));
  });

  it('gets every message of a shard that was lost with its messages, and those after it', async () => {
    const { messages } = (await info('events')).state;
    await (await streams()).delete('events-2');
    await publish('rome', 5);
    await leaves.get('rome')!.stop();
    await leaves.get('rome')!.start();
    await publish('rome', 5);
    // What the leaf still holds comes again: 30 of before, and 10 since.
    await until('all are there', async () => (await info('events')).state.messages === messages + 40);
    expect([...new Set(await storedTexts(hub))].sort()).toEqual([...published].sort());
  });

  it('loses the source of a site that is deleted, and no message; the room in the shard is a new site’s', async () => {
    const texts = (await storedTexts(hub)).sort();
    await remove('oslo');
    await until('the shard has one source', async () => (await sourcesOf('events-1')).length === 1);
    await connect('wien');
    expect(await shardOf('wien')).toBe(1);
    expect(await sourcesOf('events-1')).toEqual(['_sync.paris', '_sync.wien']);
    expect((await storedTexts(hub)).sort()).toEqual(texts);
  });

  it('keeps a shard whose sites are all deleted', async () => {
    // Its leaf was away: a server before 2.15 sources it after half a minute only.
    await until('the shard sources it again', async () => (await sourcesOf('events-2')).length === 1);
    await remove('rome');
    await until('the shard has no source', async () => (await sourcesOf('events-2')).length === 0);
    expect(await sourcesOf('events')).toEqual(['_sync.bonn', '_sync.lima', 'events-1', 'events-2']);
    const before = (await info('events')).state.messages;
    await publish('wien', 5);
    await until('its messages are there', async () => (await info('events')).state.messages === before + 5);
  });
});
