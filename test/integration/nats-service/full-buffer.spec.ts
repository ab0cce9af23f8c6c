import { jetstream, jetstreamManager, type StreamSource } from '@nats-io/jetstream';
import type { BufferDiscard, Tenant } from '#libs/model';
import { fullInOf, SiteBuffers } from '../../../src/streams/index.js';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';

const MESSAGE = Buffer.alloc(200_000);

describe.each(NATS_VERSIONS)('a leaf whose buffer is full, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
  });

  afterAll(() => installation.stop());

  /** A site that keeps a mebibyte, connected. */
  const small = async (slug: string, discard: BufferDiscard) => {
    const { site } = await installation.site(tenant, slug);
    await installation.sites.update(installation.caller(tenant), site.id, { buffer: { maxBytes: 2 ** 20, discard } });
    await installation.pushed(tenant);
    const leaf = await installation.startLeaf(tenant, site.id);
    const connection = await leaf.connect(await installation.unlimited(tenant));
    const { streams } = await jetstreamManager(connection, { checkAPI: false });
    await until('the leaf has its stream', () => streams.info('events'));
    const hub = await installation.toHub(await installation.unlimited(tenant));
    const atHub = await jetstreamManager(hub, { checkAPI: false });
    const isOfSite = ({ external }: StreamSource) => external?.deliver === `_sync.${slug}`;
    await until('the hub sources it', async () => (await atHub.streams.info('events')).config.sources?.some(isOfSite));
    await hub.close();
    const publish = (message: Buffer) =>
      jetstream(connection, { checkAPI: false }).publish('logs.syslog', message).then(() => 'stored', (error: Error) => error.message);
    return { site, connection, streams, publish };
  };

  /** Publishes eight messages at such a site, of which five fit. */
  const filled = async (slug: string, discard: BufferDiscard) => {
    const { site, connection, streams, publish } = await small(slug, discard);
    const published = [];
    for (let n = 0; n < 8; n++) published.push(await publish(MESSAGE));
    const { state } = await streams.info('events');
    await connection.close();
    const buffers = installation.idle.get(SiteBuffers, { strict: false });
    const buffer = await until('the hub is known to have all of it', async () => {
      const measured = await buffers.measured(tenant.id, site.id);
      return measured?.waitingMessages === 0 && measured;
    });
    return { published, stored: state.messages, buffer };
  };

  it('drops its oldest messages for new ones, and has room again once the hub has them', async () => {
    const { published, stored, buffer } = await filled('oslo', 'old');
    expect([published, stored]).toEqual([Array(8).fill('stored'), 5]);
    expect(buffer).toMatchObject({ waitingMessages: 0, maxBytes: 2 ** 20, discard: 'old' });
    expect(fullInOf(buffer)).toBeGreaterThan(0);
  });

  it('or refuses new ones, and tells their publishers', async () => {
    const { published, stored, buffer } = await filled('paris', 'new');
    expect(published.slice(0, 5)).toEqual(Array(5).fill('stored'));
    expect(published.slice(5)).toEqual(Array(3).fill(expect.stringMatching(/maximum bytes exceeded/)));
    expect([stored, buffer.messages]).toEqual([5, 5]);
  });

  /** Fills such a site while the hub is away. @returns what its publishers were told, and what the hub has of it in the end */
  const filledAlone = async (slug: string, discard: BufferDiscard) => {
    const { site, connection, publish } = await small(slug, discard);
    const message = (n: number) => Buffer.concat([Buffer.from(`${slug} ${n} `), MESSAGE]);
    await installation.stopHub();
    const published: string[] = [];
    for (let n = 1; n <= 8; n++) published.push(await publish(message(n)));
    await installation.startHub();
    const arrived = async () => {
      const hub = await installation.toHub(await installation.unlimited(tenant));
      const texts = (await storedTexts(hub, 'logs.syslog')).filter((text) => text.startsWith(`${slug} `)).map((text) => text.slice(0, slug.length + 2));
      await hub.close();
      return texts;
    };
    await until('the hub has five of them', async () => (await arrived()).length === 5, { timeout: 150_000, interval: 500 });
    return { site, connection, publish, message, published, arrived };
  };

  it('brings exactly the youngest that it had room for, once the hub is back, and goes on', async () => {
    const { connection, publish, message, published, arrived } = await filledAlone('rome', 'old');
    expect(published).toEqual(Array(8).fill('stored'));
    expect(await publish(message(9))).toBe('stored');
    await until('the hub has the new one', async () => (await arrived()).length === 6);
    expect(await arrived()).toEqual([4, 5, 6, 7, 8, 9].map((n) => `rome ${n}`));
    await connection.close();
  }, 240_000);

  it('or exactly those that it has acknowledged, and takes new ones once it is given more room', async () => {
    const { site, connection, publish, message, published, arrived } = await filledAlone('bern', 'new');
    expect(published).toEqual([...Array(5).fill('stored'), ...Array(3).fill(expect.stringMatching(/maximum bytes exceeded/))]);
    await installation.sites.update(installation.caller(tenant), site.id, { buffer: { maxBytes: 2 ** 21, discard: 'new' } });
    await until('the leaf takes messages again', async () => (await publish(message(9))) === 'stored');
    await until('the hub has the new one', async () => (await arrived()).length === 6);
    expect(await arrived()).toEqual([1, 2, 3, 4, 5, 9].map((n) => `bern ${n}`));
    await connection.close();
  }, 240_000);
});
