import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Tenant } from '#libs/model';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';

describe.each(NATS_VERSIONS)('the streams of a tenant with two sites, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;
  const siteIds: string[] = [];
  const leaves: TestLeaf[] = [];
  let reader: NatsConnection;
  const published: string[] = [];

  const info = (connection: NatsConnection): Promise<StreamInfo | undefined> =>
    jetstreamManager(connection, { checkAPI: false })
      .then((manager) => manager.streams.info('events'))
      .catch(() => undefined);

  const atHub = (what: string, condition: (info: StreamInfo) => boolean): Promise<StreamInfo> =>
    until(`the hub’s stream ${what}`, async () => {
      const found = await info(reader);
      return found && condition(found) ? found : undefined;
    });

  const sourcesOf = ({ config }: StreamInfo) => (config.sources ?? []).map(({ external }) => external?.deliver).sort();

  /** Publishes at a site, with acknowledgement. */
  const publish = async (leaf: TestLeaf, texts: string[]): Promise<StreamInfo> => {
    const connection = await leaf.connect((await installation.person(tenant)).creds);
    await until('the leaf has its stream', () => info(connection));
    for (const text of texts) await jetstream(connection, { checkAPI: false }).publish(SUBJECT, text);
    published.push(...texts);
    const stored = await info(connection);
    await connection.close();
    return stored!;
  };

  /** All that is in the hub's stream, when it holds what was published. */
  const received = async (): Promise<string[]> => {
    await atHub('holds what was published', ({ state }) => state.messages >= published.length);
    return (await storedTexts(reader, SUBJECT)).sort();
  };

  /** Refused, until the hub has what is at its leaf: after that was away, a server before 2.15 begins half a minute later. */
  const deleted = (siteId: string) =>
    until('the site can be deleted', () => installation.sites.delete(installation.caller(tenant), siteId).then(() => true));

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    for (const slug of ['new-york', 'oslo']) siteIds.push((await installation.site(tenant, slug)).site.id);
    await installation.pushed(tenant);
    reader = await installation.toHub((await installation.person(tenant, { publish: [], subscribe: [SUBJECT] })).creds);
  });

  afterAll(() => installation.stop());

  it('are made when the leaves connect', async () => {
    for (const siteId of siteIds) leaves.push(await installation.startLeaf(tenant, siteId));
    const hub = await atHub('has both sources', (found) => sourcesOf(found).length === 2);
    expect(sourcesOf(hub)).toEqual(['_sync.new-york', '_sync.oslo']);
    expect(hub.config.sources?.map(({ opt_start_seq }) => opt_start_seq)).toEqual([1, 1]);
  });

  it('keep each site’s messages there, and bring all of them to the hub', async () => {
    const texts = (site: string) => Array.from({ length: 20 }, (_, index) => `${site} ${index}`);
    const newYork = await publish(leaves[0]!, texts('new-york'));
    const oslo = await publish(leaves[1]!, texts('oslo'));
    expect([newYork.state.messages, oslo.state.messages]).toEqual([20, 20]);
    // The sequence is the clock's: a leaf that is installed again goes on behind it.
    expect(newYork.state.first_seq).toBeGreaterThan(1_000_000_000_000_000);
    expect(await received()).toEqual([...published].sort());
  });

  it('bring what a leaf stored while it had no hub, once, when it is back', async () => {
    await installation.stopHub();
    await publish(leaves[0]!, ['while the hub was away']);
    await installation.startHub();
    reader = await until('the reader is back', async () =>
      installation.toHub((await installation.person(tenant, { publish: [], subscribe: [SUBJECT] })).creds),
    );
    expect(await received()).toEqual([...published].sort());
  });

  it('bring what a leaf stored that then started again without a hub, which holds all that it ever stored', async () => {
    await installation.stopHub();
    const stored = await publish(leaves[0]!, ['before it started again']);
    await leaves[0]!.stop();
    await leaves[0]!.start();
    expect((await publish(leaves[0]!, ['after it started again'])).state.messages).toBe(stored.state.messages + 1);
    await installation.startHub();
    reader = await until('the reader is back', async () =>
      installation.toHub((await installation.person(tenant, { publish: [], subscribe: [SUBJECT] })).creds),
    );
    expect(await received()).toEqual([...published].sort());
  });

  it('bring what a leaf that was away stored, once, when it is back', async () => {
    await leaves[1]!.stop();
    await leaves[1]!.start();
    await publish(leaves[1]!, ['after the leaf was away']);
    expect(await received()).toEqual([...published].sort());
  });

  it('lose the source of a site that is deleted, and no message', async () => {
    await deleted(siteIds[1]!);
    const hub = await atHub('has one source', (found) => sourcesOf(found).length === 1);
    expect(sourcesOf(hub)).toEqual(['_sync.new-york']);
    expect(hub.state.messages).toBe(published.length);
  });

  it('lose the last source, too', async () => {
    await deleted(siteIds[0]!);
    const hub = await atHub('has no source', (found) => sourcesOf(found).length === 0);
    expect(hub.state.messages).toBe(published.length);
  });
});
