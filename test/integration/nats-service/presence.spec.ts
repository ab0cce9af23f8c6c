import type { INestApplicationContext } from '@nestjs/common';
import { Client } from 'pg';
import { LeafConnection, NatsUser, type Tenant } from '#libs/model';
import type { SiteWithLeaf } from '../../../src/edge-sites/index.js';
import { MONITOR_LOCK } from '../../../src/monitor/leadership.js';
import { Metrics } from '../../../src/platform/metrics/index.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

describe.each(NATS_VERSIONS)('the presence of a leaf, with servers of $name,', (version) => {
  let installation: Installation;
  let monitors: INestApplicationContext[];
  let tenant: Tenant;
  let siteId: string;
  let leaf: TestLeaf;

  const seen = (what: string, condition: (found: SiteWithLeaf) => boolean): Promise<SiteWithLeaf> =>
    until(`the site is ${what}`, async () => {
      const found = await installation.found(tenant, siteId);
      return condition(found) ? found : undefined;
    });
  const online = (generation: number) =>
    seen(`online with generation ${generation}`, ({ site, leaf }) => site.status === 'active' && leaf.connectedGeneration === generation);
  const offline = () => seen('offline', ({ site, leaf }) => site.status === 'offline' && leaf.connectedGeneration === null);

  /** Ends the leader's connection. @returns whether there was a leader */
  const endLeadership = async (): Promise<boolean> => {
    const client = new Client({ connectionString: installation.database.serviceUrl });
    await client.connect();
    const { rowCount } = await client.query(
      `select pg_terminate_backend(pid) from pg_locks
       where locktype = 'advisory' and granted and objsubid = 1 and (classid::bigint << 32 | objid::bigint) = $1
         and database = (select oid from pg_database where datname = current_database())`,
      [MONITOR_LOCK],
    );
    await client.end();
    return rowCount === 1;
  };

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker');
    monitors = [await installation.process('monitor'), await installation.process('monitor')];
    tenant = await installation.tenant('acme');
    siteId = (await installation.site(tenant, 'new-york')).site.id;
  });

  afterAll(() => installation.stop());

  it('is recorded when it connects', async () => {
    leaf = await installation.startLeaf(tenant, siteId);
    const { site, leaf: recorded } = await online(1);
    expect(recorded).toMatchObject({ status: 'connected', disconnectedAt: null });
    expect(site.lastSeenAt).toBeInstanceOf(Date);
  });

  it('is recorded when it disconnects', async () => {
    await leaf.stop();
    const { leaf: recorded } = await offline();
    expect(recorded).toMatchObject({ status: 'disconnected', linkId: null });
    expect(recorded.disconnectedAt).toBeInstanceOf(Date);
  });

  it('is counted by the monitor that leads, and by no other', async () => {
    const texts = await until('it is counted', async () => {
      const all = await Promise.all(monitors.map((monitor) => monitor.get(Metrics, { strict: false }).text()));
      return all.some((text) => text.includes('leaf_disconnects_total{link="messages"')) && all;
    });
    const leading = texts.filter((text) => text.includes('serviceradar_edge_monitor_leader 1'));
    expect(leading).toHaveLength(1);
    expect(leading[0]).toContain('serviceradar_edge_leaf_connects_total{link="messages"} 1');
    expect(leading[0]).toMatch(/serviceradar_edge_leaf_disconnects_total\{link="messages",reason="(?:closed|network)"\} 1/);
    expect(leading[0]).toMatch(/serviceradar_edge_monitor_event_delay_seconds_count [2-9]/);
    expect(texts.filter((text) => text.includes('leaf_connects_total{'))).toEqual(leading);
  });

  it('is recorded by another process when the one that led is gone', async () => {
    await installation.end(monitors[0]!);
    await leaf.start();
    await online(1);
  });

  it('is recorded again when the leader has lost its connection to the database', async () => {
    await until('somebody led', endLeadership);
    await leaf.stop();
    await offline();
  });

  it('is recorded by another process when the one that leads is silent', async () => {
    await installation.end(monitors[1]!);
    // A leader that does nothing: it has the lock, its connection lives, and it never says anything.
    const silent = new Client({ connectionString: installation.database.serviceUrl });
    const ended = new Promise<void>((resolve) => silent.on('end', resolve).on('error', () => undefined));
    await silent.connect();
    await silent.query('select pg_advisory_lock($1)', [MONITOR_LOCK]);
    monitors = [monitors[0]!, await installation.process('monitor')];
    await leaf.start();
    await online(1);
    await ended;
    await leaf.stop();
    await offline();
  });

  it('is found by comparing when nobody looked', async () => {
    await installation.end(monitors[1]!);
    await leaf.start();
    await until('the leaf is linked', async () => (await leaf.links()).messages === 1);
    monitors = [await installation.process('monitor')];
    await online(1);

    await installation.end(monitors[0]!);
    await leaf.stop();
    monitors = [await installation.process('monitor')];
    await offline();
  });

  it('is recorded after the hub was away', async () => {
    await leaf.start();
    const before = await online(1);
    await installation.stopHub();
    await installation.startHub();
    await seen('online over another link', ({ site, leaf }) => site.status === 'active' && leaf.linkId !== null && leaf.linkId !== before.leaf.linkId);
  });

  it('of a new generation retires the one before', async () => {
    await installation.generations.regenerate(installation.caller(tenant), siteId);
    await installation.provisioned(tenant, siteId);
    await online(1);

    await leaf.stop();
    await offline();
    leaf = await installation.startLeaf(tenant, siteId);
    await online(2);
    const users = await installation.database.database
      .em({ tenantId: tenant.id })
      .find(NatsUser, { edgeSiteId: siteId }, { orderBy: { generation: 'asc', purpose: 'asc' } });
    expect(users.map(({ generation, purpose, status }) => [generation, purpose, status])).toEqual([
      [1, 'leaf', 'revoked'],
      [1, 'leaf_control', 'revoked'],
      [2, 'leaf', 'issued'],
      [2, 'leaf_control', 'issued'],
    ]);
  });

  it('ends at once when its generation is revoked as a previous one, until the newest is installed', async () => {
    const caller = installation.caller(tenant);
    await installation.generations.regenerate(caller, siteId);
    await installation.provisioned(tenant, siteId);
    await online(2);
    const old = leaf;

    await installation.generations.revokePrevious(caller, siteId);
    await until('the hub has dropped the leaf', async () => {
      const { messages, control } = await old.links();
      return messages + control === 0;
    });
    await offline();
    const users = await installation.database.database
      .em({ tenantId: tenant.id })
      .find(NatsUser, { edgeSiteId: siteId, generation: [2, 3] }, { orderBy: { generation: 'asc', purpose: 'asc' } });
    expect(users.map(({ generation, purpose, status }) => [generation, purpose, status])).toEqual([
      [2, 'leaf', 'revoked'],
      [2, 'leaf_control', 'revoked'],
      [3, 'leaf', 'issued'],
      [3, 'leaf_control', 'issued'],
    ]);

    await old.stop();
    leaf = await installation.startLeaf(tenant, siteId);
    await online(3);
  });

  it('is kept, with why each connection ended', async () => {
    const rows = await installation.database.database.em({ tenantId: tenant.id }).find(LeafConnection, { edgeSiteId: siteId }, { orderBy: { id: 'asc' } });
    expect(rows.filter(({ disconnectedAt }) => disconnectedAt == null)).toHaveLength(1);
    expect(rows.at(-1)).toMatchObject({ generation: 3, disconnectedAt: null, reason: null });
    // A server that ends closes its connection, or resets it where something of it was not read yet; the hub finds that out reading or writing.
    expect(rows[0]).toMatchObject({ generation: 1, reason: expect.stringMatching(/^(Client Closed|Read Error|Write Error)$/) });
    expect(rows.map(({ reason }) => reason)).toContain('Credentials Revoked');
    // Where nobody looked, it is known that it ended, and not why.
    expect(rows.filter(({ disconnectedAt, reason }) => disconnectedAt != null && reason == null).length).toBeGreaterThan(0);
  });

  it('ends with the site', async () => {
    // Refused as long as nobody knows what its leaf holds, which has just connected.
    await until('the site can be deleted', () => installation.sites.delete(installation.caller(tenant), siteId).then(() => true));
    await until('the hub has dropped the leaf', async () => {
      const { messages, control } = await leaf.links();
      return messages + control === 0;
    });
  });
});
