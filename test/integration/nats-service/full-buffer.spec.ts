import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { BufferDiscard, Tenant } from '#libs/model';
import { fullInOf, SiteBuffers } from '../../../src/streams/index.js';
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

  /** A site that keeps a mebibyte, connected; publishes eight messages there, of which five fit. */
  const filled = async (slug: string, discard: BufferDiscard) => {
    const { site } = await installation.site(tenant, slug);
    await installation.sites.update(installation.caller(tenant), site.id, { buffer: { maxBytes: 2 ** 20, discard } });
    await installation.pushed(tenant);
    const leaf = await installation.startLeaf(tenant, site.id);
    const connection = await leaf.connect(await installation.unlimited(tenant));
    const { streams } = await jetstreamManager(connection, { checkAPI: false });
    await until('the leaf has its stream', () => streams.info('events'));
    const published = [];
    for (let n = 0; n < 8; n++) {
      published.push(await jetstream(connection, { checkAPI: false }).publish('logs.syslog', MESSAGE).then(() => 'stored', (error: Error) => error.message));
    }
    const { state } = await streams.info('events');
    await connection.close();
    const buffer = (await installation.idle.get(SiteBuffers, { strict: false }).measured(tenant.id, site.id))!;
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
    expect([stored, buffer.waitingMessages]).toEqual([5, 0]);
  });
});
