import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { Tenant } from '#libs/model';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';
const texts = (label: string, count: number) => Array.from({ length: count }, (_, index) => `${label} ${index + 1}`);

describe.each(NATS_VERSIONS)('a stream that somebody deletes at the hub, with servers of $name,', (version) => {
  let installation: Installation;
  let acme: Tenant;
  let globex: Tenant;

  const publish = async (tenant: Tenant, leaf: TestLeaf, all: string[]) => {
    const connection = await leaf.connect(await installation.unlimited(tenant));
    const client = jetstream(connection, { checkAPI: false });
    await until('the leaf has its stream', () => client.jetstreamManager(false).then((manager) => manager.streams.info('events')));
    for (const text of all) await client.publish(SUBJECT, text);
    await connection.close();
  };

  const leafOf = async (tenant: Tenant, slug: string) => {
    const { site } = await installation.site(tenant, slug);
    await installation.pushed(tenant);
    return installation.startLeaf(tenant, site.id);
  };

  /** The stream of a tenant at the hub, by somebody who may do everything there. */
  const atHub = async (tenant: Tenant) => {
    const connection = await installation.toHub(await installation.unlimited(tenant));
    const { streams } = await jetstreamManager(connection, { checkAPI: false });
    const holds = (total: number) =>
      until(`the hub has ${total} messages of ${tenant.slug}`, async () => (await streams.info('events')).state.messages === total, { timeout: 150_000 });
    return { connection, streams, holds };
  };

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    [acme, globex] = [await installation.tenant('acme'), await installation.tenant('globex')];
  });

  afterAll(() => installation.stop());

  it('is made again when a leaf connects, and has all that the leaves still hold, once', async () => {
    const [oslo, paris, rome] = [await leafOf(acme, 'oslo'), await leafOf(acme, 'paris'), await leafOf(globex, 'rome')];
    await publish(acme, oslo, texts('oslo before', 20));
    await publish(acme, paris, texts('paris before', 20));
    await publish(globex, rome, texts('rome before', 20));
    await (await atHub(acme)).holds(40);
    const { holds } = await atHub(globex);
    await holds(20);

    await installation.stopHub();
    await publish(acme, oslo, texts('oslo alone', 30));
    await oslo.stop();
    await installation.startHub();
    const hub = await atHub(acme);
    await hub.streams.delete('events');
    await oslo.start();
    await hub.holds(70);
    await publish(acme, oslo, texts('oslo after', 10));
    await publish(acme, paris, texts('paris after', 10));
    await hub.holds(90);

    const stored = await storedTexts(hub.connection, SUBJECT);
    const of = (site: string) => stored.filter((text) => text.startsWith(`${site} `));
    expect(of('oslo')).toEqual([...texts('oslo before', 20), ...texts('oslo alone', 30), ...texts('oslo after', 10)]);
    expect(of('paris')).toEqual([...texts('paris before', 20), ...texts('paris after', 10)]);
    const other = await atHub(globex);
    expect(await storedTexts(other.connection, SUBJECT)).toEqual(texts('rome before', 20));
  }, 240_000);
});
