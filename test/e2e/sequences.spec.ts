import { cpSync, rmSync } from 'node:fs';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { count, publish, read, streamReady } from '../../lab/messages.js';
import { connectToHub } from '../../lab/nats-client.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import type { Site } from '../../lab/site.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

/** On a server before 2.15 a source is put back half a minute after its leaf, in milliseconds: three times in one test. */
const PATIENCE = 240_000;

const SUBJECTS = ['logs.syslog', 'logs.snmp', 'otel', 'logs.otel'];

describe.each(Object.entries(NATS_SERVERS))('what would lose messages without a word, on nats-server %s', (_version, natsServer) => {
  const lab = withDeployment(
    async (deployment) => {
      const acme = await deployment.tenant('Acme');
      const [newYork, oslo] = [await acme.createSite('New York'), await acme.createSite('Oslo')];
      await newYork.install();
      await oslo.install();
      const hub = await connectToHub({ url: deployment.hub.clientUrl, creds: await acme.credentials({ subscribe: SUBJECTS }) });
      connections.push(hub);
      await streamReady(hub);
      const at = async (site: Site): Promise<NatsConnection> => {
        const creds = await acme.credentials({ publish: SUBJECTS, subscribe: SUBJECTS });
        const connection = await until('the leaf takes a client', () => site.leaf.connect(creds));
        connections.push(connection);
        await streamReady(connection);
        return connection;
      };
      return { newYork, oslo, hub, at };
    },
    { natsServer },
  );
  const connections: NatsConnection[] = [];
  afterAll(() => Promise.all(connections.map((connection) => connection.close())));

  it('is not a link that stops taking after 1,900 messages: 5,000 arrive', lab(async ({ arranged: { newYork, hub, at } }) => {
    await publish(await at(newYork), { subject: 'otel', label: 'flow', count: 5_000 });
    expect(await read(hub, 'otel', 5_000)).toHaveLength(5_000);
  }));

  it('is not the same Nats-Msg-Id at two sites', lab(async ({ arranged: { newYork, oslo, hub, at } }) => {
    for (const site of [newYork, oslo]) {
      const js = jetstream(await at(site));
      for (let n = 1; n <= 50; n++) await js.publish('logs.otel', `${site.slug} ${n}`, { msgID: `same-${n}` });
    }
    expect(await read(hub, 'logs.otel', 100)).toHaveLength(100);
  }));

  it('is not a leaf that was wiped and installed again', lab(async ({ arranged: { newYork, hub, at } }) => {
    await publish(await at(newYork), { subject: 'logs.snmp', label: 'before', count: 100 });
    await until('all are at the hub', async () => (await count(hub, 'logs.snmp')) === 100);
    await newYork.leaf.stop();
    rmSync(newYork.leaf.messages, { recursive: true });
    await newYork.leaf.start();
    await publish(await at(newYork), { subject: 'logs.snmp', label: 'after', count: 70 });

    const texts = (await read(hub, 'logs.snmp', 170)).map(({ text }) => text);
    expect(new Set(texts).size).toBe(170);
    expect(texts).toHaveLength(170);
  }));

  it('is not a leaf that is killed while it holds messages: 2.10 removed all of a stream with a first sequence', lab(async ({ deployment, arranged: { oslo, hub, at } }) => {
    const published = await count(hub, 'logs.syslog');
    await deployment.hub.stop();
    await publish(await at(oslo), { subject: 'logs.syslog', label: 'alone', count: 100 });
    await oslo.leaf.kill();
    await oslo.leaf.start();
    expect(await count(await at(oslo), 'logs.syslog')).toBe(100);
    await deployment.hub.start();
    expect(await read(hub, 'logs.syslog', published + 100)).toHaveLength(published + 100);
  }));

  it('is not a leaf that is put back to an earlier state, twice: what it held by then arrives again, and nothing else', lab(async ({ deployment, arranged: { oslo, hub, at } }) => {
    const publishOne = async (label: string) => publish(await at(oslo), { subject: 'logs.snmp', label, count: 50 });
    const earlier = await count(hub, 'logs.snmp');
    const arrived = (total: number) => until(`${total} are at the hub`, async () => (await count(hub, 'logs.snmp')) === earlier + total);
    const copy = `${oslo.leaf.messages}.copy`;

    await publishOne('in the copy');
    await arrived(50);
    await oslo.leaf.stop();
    cpSync(oslo.leaf.messages, copy, { recursive: true });
    await oslo.leaf.start();
    await publishOne('forgotten');
    await arrived(100);
    const noticed = () => deployment.service.process.log.split('a leaf was rolled back').length - 1;
    for (const [again, total] of [['once', 200], ['twice', 300]] as const) {
      const before = noticed();
      await oslo.leaf.kill();
      rmSync(oslo.leaf.messages, { recursive: true });
      cpSync(copy, oslo.leaf.messages, { recursive: true });
      await oslo.leaf.start();
      // Before it has stored as much as it has forgotten.
      await until('the hub is known to have more of it', () => noticed() > before, { timeout: 100_000 });
      await publishOne(`after it was put back ${again}`);
      await arrived(total);
    }

    const texts = (await read(hub, 'logs.snmp', earlier + 300)).map(({ text }) => text.replace(/ \d+$/, ''));
    const times = (label: string) => texts.filter((text) => text === label).length;
    expect(['in the copy', 'forgotten', 'after it was put back once', 'after it was put back twice'].map(times)).toEqual([150, 50, 50, 50]);
  }), PATIENCE);
});
