import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { systemClock } from '#libs/kernel';
import type { Tenant } from '#libs/model';
import { leafStream } from '#libs/nats';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';
const WEEK = 7 * 24 * 60 * 60 * 1000;
const texts = (site: string, count: number) => Array.from({ length: count }, (_, index) => `${site} ${index + 1}`);

describe.each(NATS_VERSIONS)('a new site of a tenant whose stream at the hub has aged, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;

  const publish = async (leaf: TestLeaf, all: string[]) => {
    const connection = await leaf.connect(await installation.unlimited(tenant));
    const client = jetstream(connection, { checkAPI: false });
    await until('the leaf has its stream', () => client.jetstreamManager(false).then((manager) => manager.streams.info('events')));
    for (const text of all) await client.publish(SUBJECT, text);
    await connection.close();
  };

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    tenant = await installation.tenant('acme');
  });

  afterAll(() => installation.stop());

  it('brings what it stored before the hub knew of it', async () => {
    const worker = await installation.process('worker', 'monitor');
    const [old, young] = [await installation.site(tenant, 'old'), await installation.site(tenant, 'young')];
    await installation.pushed(tenant);
    const hub = await installation.toHub(await installation.unlimited(tenant));
    const manager = await jetstreamManager(hub, { checkAPI: false });
    const oldLeaf = await installation.startLeaf(tenant, old.site.id);
    await publish(oldLeaf, texts('aged out', 20));
    await until('all are at the hub', async () => (await manager.streams.info('events')).state.messages === 20);
    await manager.streams.purge('events');
    expect((await manager.streams.info('events')).state.first_seq).toBeGreaterThan(1);

    // The leaf has its stream, and the hub no source of it yet: as when the link breaks right then.
    await installation.end(worker);
    const leaf = await installation.startLeaf(tenant, young.site.id);
    const atLeaf = await leaf.connect(await installation.unlimited(tenant));
    const config = leafStream({ clock: systemClock, retention: { maxAgeMs: WEEK, maxBytes: -1 } });
    await (await jetstreamManager(atLeaf, { checkAPI: false })).streams.add(config as never);
    await atLeaf.close();
    await publish(leaf, texts('young', 100));
    // What the hub has received since is newer than all of that.
    await publish(oldLeaf, texts('old', 20));
    await until('all are at the hub', async () => (await manager.streams.info('events')).state.messages === 20);

    await installation.process('worker', 'monitor');
    await until('all of both are at the hub', async () => (await manager.streams.info('events')).state.messages >= 120);
    expect(await storedTexts(hub, SUBJECT)).toEqual([...texts('old', 20), ...texts('young', 100)]);
  });
});
