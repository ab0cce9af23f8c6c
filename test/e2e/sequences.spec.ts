import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { count, publish, read, streamReady } from '../../lab/messages.js';
import { connectToHub } from '../../lab/nats-client.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import type { Site } from '../../lab/site.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

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
        const connection = await site.leaf.connect(await acme.credentials({ publish: SUBJECTS, subscribe: SUBJECTS }));
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
    rmSync(join(newYork.leaf.prefix, 'var/lib/nats/jetstream'), { recursive: true });
    await newYork.leaf.start();
    await publish(await at(newYork), { subject: 'logs.snmp', label: 'after', count: 70 });

    const texts = (await read(hub, 'logs.snmp', 170)).map(({ text }) => text);
    expect(new Set(texts).size).toBe(170);
    expect(texts).toHaveLength(170);
  }));
});
