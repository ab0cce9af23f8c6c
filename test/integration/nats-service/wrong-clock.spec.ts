import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { systemClock } from '#libs/kernel';
import type { Tenant } from '#libs/model';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';
const HOUR = 60 * 60 * 1000;
const texts = (label: string, count: number) => Array.from({ length: count }, (_, index) => `${label} ${index + 1}`);

/** The servers cannot be given another time, so the service is. */
describe.each(NATS_VERSIONS)('sites whose clocks are an hour off, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;

  const shift = (by: number) => void (systemClock.now = () => new Date(Date.now() + by));

  /** @param by how far the service is ahead of the site, in milliseconds */
  const begin = async (by: number) => {
    shift(by);
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    const { site } = await installation.site(tenant, 'oslo');
    await installation.pushed(tenant);
    return installation.startLeaf(tenant, site.id);
  };

  const publish = async (leaf: TestLeaf, all: string[]) => {
    const connection = await leaf.connect(await installation.unlimited(tenant));
    const client = jetstream(connection, { checkAPI: false });
    await until('the leaf has its stream', () => client.jetstreamManager(false).then((manager) => manager.streams.info('events')));
    for (const text of all) await client.publish(SUBJECT, text);
    await connection.close();
  };

  /** Waits until the hub has so many messages. @returns all that it has */
  const arrived = async (total: number) => {
    const hub = await until('the hub takes a reader', async () => installation.toHub(await installation.unlimited(tenant)));
    const { streams } = await jetstreamManager(hub, { checkAPI: false });
    await until(`the hub has ${total} messages`, async () => (await streams.info('events')).state.messages === total);
    return storedTexts(hub, SUBJECT);
  };

  afterEach(async () => {
    shift(0);
    await installation.stop();
  });

  it.each([
    ['behind, which takes certificates that are valid from before they were issued', HOUR],
    ['ahead, which takes users of the service that outlast it', -HOUR],
  ])('bring each message once: %s', async (_how, by) => {
    const leaf = await begin(by);
    await publish(leaf, texts('linked', 20));
    await arrived(20);
    await installation.stopHub();
    await publish(leaf, texts('alone', 20));
    await installation.startHub();
    expect(await arrived(40)).toEqual([...texts('linked', 20), ...texts('alone', 20)]);
  });

  it('and also when the leaf of one is wiped after the service’s clock was put back, and begins lower than before', async () => {
    const leaf = await begin(HOUR);
    await publish(leaf, texts('before', 20));
    await arrived(20);
    await leaf.stop();
    leaf.forgetMessages();
    shift(0);
    await leaf.start();
    await publish(leaf, texts('after', 30));
    expect(await arrived(50)).toEqual([...texts('before', 20), ...texts('after', 30)]);
  });
});
