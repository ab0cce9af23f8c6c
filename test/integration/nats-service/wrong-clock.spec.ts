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
describe.each(NATS_VERSIONS)('a site whose clock is an hour behind the service’s, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;

  const shift = (by: number) => void (systemClock.now = () => new Date(Date.now() + by));

  const begin = async () => {
    shift(HOUR);
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
    const hub = await installation.toHub(await installation.unlimited(tenant));
    const { streams } = await jetstreamManager(hub, { checkAPI: false });
    await until(`the hub has ${total} messages`, async () => (await streams.info('events')).state.messages === total);
    return storedTexts(hub, SUBJECT);
  };

  afterEach(async () => {
    shift(0);
    await installation.stop();
  });

  it('brings each message once, which takes certificates that are valid from before they were issued', async () => {
    const leaf = await begin();
    await publish(leaf, texts('linked', 20));
    await arrived(20);
    await installation.stopHub();
    await publish(leaf, texts('alone', 20));
    await installation.startHub();
    expect(await arrived(40)).toEqual([...texts('linked', 20), ...texts('alone', 20)]);
  });

  it('and also when its leaf is wiped after the service’s clock was put back, and begins lower than before', async () => {
    const leaf = await begin();
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
