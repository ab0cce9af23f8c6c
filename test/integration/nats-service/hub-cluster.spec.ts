import { LeafConnection, type Tenant } from '#libs/model';
import { freePort, NATS_VERSIONS, NatsServer, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

/** Two servers of one hub. The service knows the address of the first; leaves learn of the other from the hub. */
describe.each(NATS_VERSIONS)('a hub of two servers of $name', (version) => {
  let installation: Installation;
  let tenant: Tenant;
  let siteId: string;
  let leaf: TestLeaf;
  const servers: Partial<Record<'first' | 'second', NatsServer>> = {};
  let configurations: Record<'first' | 'second', { text: string; monitorPort: number }>;

  const start = async (name: 'first' | 'second') => {
    const { text, monitorPort } = configurations[name];
    servers[name] = await NatsServer.start(version, installation.directory, name, text, monitorPort);
  };
  const idOf = async (name: 'first' | 'second') => (await servers[name]!.monitor<{ server_id: string }>('/varz')).server_id;
  /** Waits until the leaf is on record as connected to a server. */
  const recordedAt = (name: 'first' | 'second') =>
    until(`the leaf is recorded at the ${name} server`, async () => {
      const found = await installation.found(tenant, siteId);
      return found.site.status === 'active' && found.leaf.linkId?.startsWith(`${await idOf(name)}:`);
    });
  const leavesAt = async (name: 'first' | 'second') => (await servers[name]!.monitor<{ leafnodes: number }>('/leafz')).leafnodes;
  const connections = () =>
    installation.database.database.em({ tenantId: tenant.id }).find(LeafConnection, { edgeSiteId: siteId }, { orderBy: { id: 'asc' } });

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    // JetStream needs a majority of its servers, and one of two is none: the other would not be well after each death.
    const first = (await installation.configureHub()).replace(/^jetstream: \{[^}]*\}\n/m, '');
    expect(first).not.toContain('jetstream:');
    const [clientPort, leafPort, monitorPort, firstRoutes, secondRoutes] = await Promise.all(Array.from({ length: 5 }, () => freePort()));
    const cluster = (own: number, other: number) => `\ncluster { name: hub, listen: "127.0.0.1:${own}", routes: ["nats://127.0.0.1:${other}"] }\n`;
    const { client, leaf: leaves, monitor } = installation.ports;
    const second = first
      .replaceAll(`127.0.0.1:${client}`, `127.0.0.1:${clientPort}`)
      .replaceAll(`127.0.0.1:${leaves}`, `127.0.0.1:${leafPort}`)
      .replaceAll(`127.0.0.1:${monitor}`, `127.0.0.1:${monitorPort}`)
      .replace('"nats-hub"', '"nats-hub-2"')
      .replace(/"([^"]+)\/data\//g, '"$1/second/');
    configurations = {
      first: { text: first + cluster(firstRoutes!, secondRoutes!), monitorPort: monitor },
      second: { text: second + cluster(secondRoutes!, firstRoutes!), monitorPort: monitorPort! },
    };
    await Promise.all([start('first'), start('second')]);
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    siteId = (await installation.site(tenant, 'new-york')).site.id;
    await installation.pushed(tenant);
    leaf = await installation.startLeaf(tenant, siteId);
  });

  afterAll(async () => {
    await installation.stop();
    await Promise.all(Object.values(servers).map((server) => server.stop()));
  });

  it('has a leaf on record at the server that it is connected to', () => recordedAt('first'));

  it('has it on record at the other one when its own died', async () => {
    await servers.first!.stop('SIGKILL');
    await until('both links of the leaf are at the second server', async () => (await leavesAt('second')) === 2);
    await start('first');
    await recordedAt('second');
  });

  it('tells of a leaf that leaves the server that the service is not connected to', async () => {
    await leaf.stop();
    await until('the site is offline, and it is known why', async () => {
      const { site, leaf } = await installation.found(tenant, siteId);
      // Of what was on its way to a leaf that is killed, the hub may hear that it was refused.
      if (site.status === 'offline' && /^(?:Client Closed|Read Error|Write Error)$/.test(leaf.disconnectReason ?? '')) return true;
      throw new Error(`It is ${site.status}: ${leaf.disconnectReason}.`);
    });
    await leaf.start();
    await recordedAt('first');
  });

  it('has a leaf on record as it moves back and forth, once at a time', async () => {
    await servers.first!.stop('SIGKILL');
    await until('both links of the leaf are at the second server', async () => (await leavesAt('second')) === 2);
    await start('first');
    await recordedAt('second');
    await servers.second!.stop('SIGKILL');
    await recordedAt('first');

    const rows = await connections();
    expect(rows.filter(({ disconnectedAt }) => disconnectedAt == null)).toEqual([rows.at(-1)]);
    expect(rows.length).toBeGreaterThanOrEqual(5);
    await start('second');
  });
});
