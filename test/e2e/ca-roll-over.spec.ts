import type { NatsConnection } from '@nats-io/transport-node';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ok } from '../../lab/api.js';
import type { Collector } from '../../lab/collector.js';
import { labelled, publish, read, streamReady } from '../../lab/messages.js';
import { connectToHub } from '../../lab/nats-client.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import type { Site } from '../../lab/site.js';
import type { Tenant } from '../../lab/tenant.js';
import { until } from '../../lab/until.js';
import type { TenantCaDto } from '../../src/ca-roll-over/dto/tenant-ca.dto.js';
import { withDeployment } from './laboratory.js';

const SUBJECT = 'logs.syslog';
const PATH = '/admin/pki/authorities';

describe.each(Object.entries(NATS_SERVERS))('while the CA of a tenant rolls over, on nats-server %s', (version, natsServer) => {
  const connections: NatsConnection[] = [];
  const lab = withDeployment(
    async (deployment) => {
      const acme = await deployment.tenant('Acme');
      const site = await acme.createSite('New York');
      await site.install();
      const reader = { creds: await acme.credentials({ subscribe: [SUBJECT] }), certificates: site.leaf.certificates };
      const atHub = await connectToHub({ url: deployment.hub.clientUrl, ...reader });
      connections.push(atHub);
      await streamReady(atHub);
      const old = { atLeaf: await downloaded(acme, site), atHub: await downloaded(acme) };
      const [active] = await casOf(acme);
      const client = await site.leaf.connect(await acme.credentials({ publish: [SUBJECT], subscribe: [SUBJECT] }));
      connections.push(client);
      await streamReady(client);
      return { acme, site, atHub, old, client, active: active! };
    },
    { natsServer, clientTls: true },
  );
  afterAll(() => Promise.all(connections.map((connection) => connection.close())));

  const connected = async (collector: Collector) => {
    const connection = await collector.connect();
    connections.push(connection);
    return connection;
  };
  /** Connects anew, publishes, and finds at the hub what it has published. */
  const works = async (collector: Collector, atHub: NatsConnection, label: string) => {
    await publish(await connected(collector), { subject: SUBJECT, label, count: 5 });
    await until(`the messages "${label}" are at the hub`, async () => labelled(await read(atHub, SUBJECT, 1), label).length === 5);
  };
  /** Installs the newest bundle of a site, at whose leaf a client stays. */
  const install = async (site: Site, generation: number, client: NatsConnection) => {
    await until(`generation ${generation} is provisioned`, async () => (await site.provisioned()).generation === generation);
    const server = client.info?.server_id;
    await site.leaf.install(await site.download());
    await site.connected(generation);
    // 2.10 has to start anew; the newest goes on, and its clients with it.
    await until('the client at the site is there', () => client.rtt());
    expect(client.info?.server_id === server).toBe(version === 'latest');
  };

  it('the next CA does not take over before the leaf trusts it', lab(async ({ arranged: { acme } }) => {
    const next = await ok(acme.api.post<TenantCaDto>(PATH));
    const { status, body } = await acme.api.post<{ detail: string }>(`${PATH}/${next.id}/activate`, {});
    expect([status, body.detail]).toEqual([409, expect.stringContaining('new-york')]);
  }));

  it('the site installs files with both CAs, and old certificates go on', lab(async ({ arranged: { acme, site, atHub, old, client } }) => {
    await install(site, 2, client);
    expect(serialsIn(site, 'tenant-ca.pem')).toEqual((await casOf(acme)).map(({ serial_number }) => serial_number).reverse());
    await works(old.atLeaf, atHub, 'wide leaf');
    await works(old.atHub, atHub, 'wide hub');
  }));

  it('collectors with certificates of either CA are taken by the leaf of before, and by the hub', lab(async ({ arranged: { acme, site, atHub, old, active } }) => {
    await until('the next CA signs', async () => {
      const [next] = await casOf(acme);
      // A worker takes the step as well, and may be faster.
      if (next?.status === 'next') await acme.api.post(`${PATH}/${next.id}/activate`, {});
      return next?.status === 'active';
    });
    expect(issuerIn(site)).toBe(active.serial_number);
    const fresh = { atLeaf: await downloaded(acme, site), atHub: await downloaded(acme) };
    await works(fresh.atLeaf, atHub, 'new leaf, old listener');
    await works(fresh.atHub, atHub, 'new hub');
    await works(old.atLeaf, atHub, 'old leaf, old listener');
    await works(old.atHub, atHub, 'old hub');
  }));

  it('and by the leaf with certificates of the new CA, which they take, with the chain that they were given first', lab(async ({ arranged: { acme, site, atHub, old, client } }) => {
    const [active, retiring] = await casOf(acme);
    expect([active!.status, retiring!.status]).toEqual(['active', 'retiring']);
    await install(site, 3, client);
    expect(issuerIn(site)).toBe(active!.serial_number);
    await works(old.atLeaf, atHub, 'old leaf, new listener');
    await works(await downloaded(acme, site), atHub, 'new leaf, new listener');
    expect(await old.atLeaf.get()).toMatchObject({ config_outdated: false });
  }));

  it('the client that was there from the start has published all along', lab(async ({ arranged: { atHub, client } }) => {
    await publish(client, { subject: SUBJECT, label: 'from the start', count: 5 });
    await until('its messages are at the hub', async () => labelled(await read(atHub, SUBJECT, 1), 'from the start').length === 5);
  }));

  it('the old CA goes when nothing is left that it signed', lab(async ({ arranged: { acme, site, atHub, old } }) => {
    await Promise.all([old.atLeaf.revoke(), old.atHub.revoke()]);
    await until('the old CA is retired', async () => (await casOf(acme))[1]?.status === 'retired');
    await works(await downloaded(acme, site), atHub, 'after all');
  }));
});

async function casOf({ api }: Tenant): Promise<TenantCaDto[]> {
  return (await ok(api.get<{ data: TenantCaDto[] }>(PATH))).data;
}

async function downloaded(tenant: Tenant, site?: Site): Promise<Collector> {
  const collector = await tenant.createCollector('flowgger', site);
  await collector.download();
  return collector;
}

const serialsOf = (pem: string) =>
  pem.split(/(?<=-----END CERTIFICATE-----\n)/).filter((one) => one !== '').map((one) => new X509Certificate(one).serialNumber.toLowerCase());

const installedFile = ({ leaf }: Site, name: string) => readFileSync(join(leaf.certificates, name), 'utf8');

const serialsIn = (site: Site, name: string) => serialsOf(installedFile(site, name));

/** The serial number of the CA that goes out with the listener's certificate. */
const issuerIn = (site: Site) => serialsOf(installedFile(site, 'nats-server.pem'))[1];
