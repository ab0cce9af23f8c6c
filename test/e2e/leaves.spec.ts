import type { NatsConnection } from '@nats-io/transport-node';
import type { NatsCredentialDto } from '../../src/nats/dto/nats.dto.js';
import { ok } from '../../lab/api.js';
import type { Deployment } from '../../lab/deployment.js';
import { count, digest, labelled, publish, read, type StoredMessage, streamReady } from '../../lab/messages.js';
import { connectToHub } from '../../lab/nats-client.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import type { Site } from '../../lab/site.js';
import type { Tenant } from '../../lab/tenant.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

const SUBJECTS = ['logs.syslog', 'logs.snmp', 'otel', 'logs.otel', 'events.netflow'];

/** A site with a client of its tenant's at its leaf. */
interface Post {
  site: Site;
  client: NatsConnection;
}

describe.each(Object.entries(NATS_SERVERS))('two sites of one tenant and one of another, on nats-server %s', (version, natsServer) => {
  const lab = withDeployment(
    async (deployment) => {
      const [acme, globex] = [await deployment.tenant('Acme'), await deployment.tenant('Globex')];
      const sites = [await acme.createSite('New York'), await acme.createSite('Oslo'), await globex.createSite('Paris')];
      await Promise.all(sites.map((site) => site.install()));
      const newYork = await post(acme, sites[0]!);
      const oslo = await post(acme, sites[1]!);
      const paris = await post(globex, sites[2]!);
      const hub = { acme: await atHub(deployment, acme), globex: await atHub(deployment, globex) };
      connections.push(newYork.client, oslo.client, paris.client, hub.acme, hub.globex);
      return { acme, globex, newYork, oslo, paris, hub };
    },
    { natsServer },
  );
  const connections: NatsConnection[] = [];
  afterAll(() => Promise.all(connections.map((connection) => connection.close())));

  describe('installed from their bundles', () => {
    it('are all connected, each under its own name', lab(async ({ deployment }) => {
      expect(await deployment.hub.leaves()).toEqual(['nats-new-york', 'nats-oslo', 'nats-paris']);
    }));

    it('are served by no two JetStream domains of the same name in a tenant', lab(async ({ arranged: { acme } }) => {
      const leaves = await Promise.all(acme.sites.map((site) => site.provisioned()));
      expect(leaves.map((leaf) => leaf.jetstream_domain)).toEqual(['edge', 'edge-oslo']);
    }));
  });

  describe('a publisher', () => {
    const asked = { publish: ['otel'], subscribe: [] };

    it('is accepted with the tenant’s credentials and certificate', lab(async ({ arranged: { acme, newYork } }) => {
      const connection = await newYork.site.leaf.connect(await acme.credentials(asked));
      await publish(connection, { subject: 'otel', label: 'accepted', count: 1 });
      await connection.close();
    }));

    it('is refused without credentials', lab(async ({ arranged: { newYork } }) => {
      await expect(newYork.site.leaf.connect(undefined)).rejects.toThrow(/authorization violation/i);
    }));

    it('is refused with another tenant’s credentials', lab(async ({ arranged: { globex, newYork } }) => {
      await expect(newYork.site.leaf.connect(await globex.credentials(asked))).rejects.toThrow(/authorization violation/i);
    }));

    it('is refused without a certificate', lab(async ({ arranged: { acme, newYork } }) => {
      await expect(newYork.site.leaf.connect(await acme.credentials(asked), { certificates: undefined, timeout: 5_000 })).rejects.toThrow();
      await until('the leaf says why', () => /client didn't provide a certificate/.test(newYork.site.leaf.log));
    }));

    it('is refused with a certificate of another tenant', lab(async ({ arranged: { acme, newYork, paris } }) => {
      const foreign = paris.site.leaf.certificates;
      await expect(newYork.site.leaf.connect(await acme.credentials(asked), { certificates: foreign, timeout: 5_000 })).rejects.toThrow();
      await until('the leaf says why', () => /certificate signed by unknown authority/.test(newYork.site.leaf.log));
    }));

    it('is refused with the leaf’s own credentials', lab(async ({ arranged: { newYork } }) => {
      const { leaf } = newYork.site;
      await expect(leaf.connect(leaf.creds)).rejects.toThrow(/authorization violation/i);
    }));

    it('is refused once its credentials are revoked at the hub', lab(async ({ deployment, arranged: { acme } }) => {
      const creds = await acme.credentials(asked);
      const connection = await connectToHub({ url: deployment.hub.clientUrl, creds });
      const { data } = await ok(acme.api.get<{ data: NatsCredentialDto[] }>('/admin/nats/credentials'));
      await ok(acme.api.post(`/admin/nats/credentials/${data[0]!.id}/revoke`));
      expect(await connection.closed()).toBeInstanceOf(Error);
    }));
  });

  describe('1,000 messages published at each site', () => {
    const subject = 'logs.syslog';
    const expectThousand = (messages: readonly StoredMessage[], label: string) =>
      expect(labelled(messages, label).map(({ text }) => text)).toEqual(published(label, 1_000));

    beforeAll(lab(async ({ arranged: { newYork, oslo, paris } }) => {
      const all = [newYork, oslo, paris];
      await Promise.all(all.map(({ site, client }) => publish(client, { subject, label: site.slug, count: 1_000 })));
    }));

    it('are each exactly once at the hub, as they were at the leaf', lab(async ({ arranged: { newYork, oslo, hub } }) => {
      const stored = await read(hub.acme, subject, 2_000);
      expect(stored).toHaveLength(2_000);
      for (const { site, client } of [newYork, oslo]) {
        const there = await read(client, subject, 1_000);
        expectThousand(stored, site.slug);
        expect(digest(labelled(stored, site.slug))).toBe(digest(there));
      }
    }));

    it('are exactly 1,000 at the site, and none of them at the other', lab(async ({ arranged: { newYork, oslo } }) => {
      for (const { site, client } of [newYork, oslo]) {
        const stored = await read(client, subject, 1_000);
        expect(stored).toHaveLength(1_000);
        expectThousand(stored, site.slug);
      }
    }));

    it('do not cross tenants', lab(async ({ arranged: { paris, hub } }) => {
      for (const place of [paris.client, hub.globex]) {
        const stored = await read(place, subject, 1_000);
        expect(stored).toHaveLength(1_000);
        expectThousand(stored, 'paris');
      }
    }));
  });

  describe('when the hub is killed and started again in the middle', () => {
    it('nothing is lost or doubled', lab(async ({ deployment, arranged: { newYork, oslo, hub } }) => {
      const subject = 'logs.snmp';
      const posts = [newYork, oslo];
      const publishAll = (part: string) =>
        Promise.all(posts.map(({ site, client }) => publish(client, { subject, label: `${site.slug} ${part}`, count: 400 })));

      await publishAll('before');
      await read(hub.acme, subject, 1);
      await Promise.all([publishAll('during'), deployment.hub.stop('SIGKILL')]);
      await deployment.hub.start();
      await publishAll('after');

      const stored = await read(hub.acme, subject, 2 * 3 * 400);
      expect(stored).toHaveLength(2 * 3 * 400);
      for (const { site } of posts) {
        const expected = ['before', 'during', 'after'].flatMap((part) => published(`${site.slug} ${part}`, 400));
        expect(labelled(stored, site.slug).map(({ text }) => text)).toEqual(expected);
      }
    }));
  });

  describe('a leaf that is started while the hub is down', () => {
    it('serves its clients, and brings their messages when the hub is back', lab(async ({ deployment, arranged: { acme, newYork, oslo, hub } }) => {
      const subject = 'logs.otel';
      const { leaf } = newYork.site;
      await leaf.stop();
      await newYork.site.offline();
      await deployment.hub.stop();
      await leaf.start();
      expect(await leaf.links()).toBe(0);

      const creds = await acme.credentials({ publish: [subject] });
      const client = await leaf.connect(creds);
      await publish(client, { subject, label: 'alone', count: 100 });
      await client.close();

      await deployment.hub.start();
      const stored = await read(hub.acme, subject, 100);
      expect(stored.map(({ text }) => text)).toEqual(published('alone', 100));
      await Promise.all([newYork, oslo].map(({ site }) => site.connected()));
    }));
  });

  describe('a site that is regenerated', () => {
    const subject = 'events.netflow';

    const ofGeneration = async ({ site }: Post, tenant: Tenant, generation: number) => {
      const { data } = await ok(tenant.api.get<{ data: NatsCredentialDto[] }>('/admin/nats/credentials'));
      return data.find((user) => user.edge_site_id === site.id && user.generation === generation);
    };

    it('works with the old generation until the new one has connected', lab(async ({ arranged: { acme, oslo, hub } }) => {
      await oslo.site.regenerate();
      expect(await oslo.site.provisioned()).toMatchObject({ generation: 2, connected_generation: 1 });
      const bundle = await oslo.site.download();

      await publish(oslo.client, { subject, label: 'old', count: 10 });
      expect(await read(hub.acme, subject, 10)).toHaveLength(10);
      expect(await ofGeneration(oslo, acme, 1)).toMatchObject({ status: 'issued' });

      const server = oslo.client.info?.server_id;
      await oslo.site.leaf.install(bundle);
      await oslo.site.connected(2);
      // 2.10 has to start anew; the newest goes on, and its clients with it.
      await until('the client at the site is there', () => oslo.client.rtt());
      expect(oslo.client.info?.server_id === server).toBe(version === 'latest');
    }));

    it('has the old user revoked, and works with the new one', lab(async ({ arranged: { acme, oslo, hub } }) => {
      await until('the user of generation 1 is revoked', async () => (await ofGeneration(oslo, acme, 1))?.status === 'revoked');
      expect(await ofGeneration(oslo, acme, 2)).toMatchObject({ status: 'issued' });

      await until('the client at the site is back', () => oslo.client.rtt());
      await publish(oslo.client, { subject, label: 'new', count: 10 });
      expect(labelled(await read(hub.acme, subject, 20), 'new')).toHaveLength(10);
    }));
  });

  describe('after all that', () => {
    it('still no message is there twice', lab(async ({ arranged: { hub } }) => {
      expect(await count(hub.acme, 'logs.syslog')).toBe(2_000);
      expect(await count(hub.acme, 'logs.snmp')).toBe(2_400);
    }));
  });

  describe('a site that is deleted', () => {
    it('is dropped by the hub, and does not come back', lab(async ({ deployment, arranged: { oslo } }) => {
      const said = oslo.site.leaf.log.length;
      const start = performance.now();
      // Refused while it is not known yet that the hub has all of it.
      await until('it is deleted', () => oslo.site.delete().then(() => true));
      await until('the leaf is dropped', async () => !(await deployment.hub.leaves()).includes('nats-oslo'));
      console.log(`The leaf was dropped ${Math.round(performance.now() - start)} ms after its site’s deletion was asked for.`);

      await until('the leaf has tried again', () => /authorization violation/i.test(oslo.site.leaf.log.slice(said)));
      expect(await deployment.hub.leaves()).toEqual(['nats-new-york', 'nats-paris']);
    }));
  });
});

async function post(tenant: Tenant, site: Site): Promise<Post> {
  const client = await site.leaf.connect(await tenant.credentials({ publish: SUBJECTS, subscribe: SUBJECTS }));
  await streamReady(client);
  return { site, client };
}

async function atHub({ hub }: Deployment, tenant: Tenant): Promise<NatsConnection> {
  return connectToHub({ url: hub.clientUrl, creds: await tenant.credentials({ subscribe: SUBJECTS }) });
}

const published = (label: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${label} ${index + 1}`);
