import { spawnSync } from 'node:child_process';
import { ok } from '../../../lab/api.js';
import { freePort } from '../../../lab/free-port.js';
import { until } from '../../../lab/until.js';
import { Database } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { Scraped } from '../../support/scraped.js';

describe('the metrics of a process', () => {
  let app: TestApp;
  let metrics: Scraped;
  let acme: Awaited<ReturnType<TestApp['tenant']>>;
  beforeAll(async () => {
    const port = await freePort();
    app = await startTestApp({ METRICS_PORT: String(port) });
    metrics = new Scraped(port);
    acme = await app.tenant('Acme');
  });
  afterAll(() => app.close());

  const execute = (sql: string, values: unknown[] = []) => app.database.database.em('platform').execute(sql, values);
  const createSite = async (name: string): Promise<string> => (await ok(acme.api.post<{ id: string }>('/admin/edge-sites', { name }))).id;

  it('are found in order by promtool', async () => {
    await createSite('Berlin');
    // Those of Node are named by prom-client.
    const ours = (await metrics.text()).split('\n').filter((line) => line.includes('serviceradar_edge_'));
    expect(spawnSync('promtool', ['check', 'metrics'], { input: `${ours.join('\n')}\n`, encoding: 'utf8' })).toMatchObject({ stdout: '', stderr: '', status: 0 });
  });

  describe('of HTTP', () => {
    const count = (labels: Record<string, string>) => metrics.value('http_request_duration_seconds_count', labels);

    it('count requests by the template of their route, their method and the class of their status', async () => {
      const [good, bad] = [{ method: 'GET', route: '/api/admin/edge-sites/:id', status: '2xx' }, { method: 'GET', route: '/api/admin/edge-sites/:id', status: '4xx' }];
      const [goodBefore, badBefore] = [(await count(good)) ?? 0, (await count(bad)) ?? 0];
      await ok(acme.api.get(`/admin/edge-sites/${await createSite('Kassel')}`));
      await acme.api.get('/admin/edge-sites/00000000-0000-0000-0000-000000000000');
      await until('both are counted', async () => (await count(good)) === goodBefore + 1 && (await count(bad)) === badBefore + 1);
    });

    it('have no label that somebody else makes up', async () => {
      await fetch(`${app.service.url}/api/nothing/made-up-path?token=made-up-token`, { method: 'PROPFIND' });
      await until('it is counted', async () => (await count({ method: 'other', route: 'none', status: '4xx' })) === 1);
      expect(await metrics.text()).not.toContain('made-up');
    });
  });

  describe('of sites', () => {
    it('count them by status, also those that have none', async () => {
      const before = await metrics.value('sites', { status: 'pending' });
      const id = await createSite('Cologne');
      expect(await metrics.value('sites', { status: 'pending' })).toBe(before! + 1);
      expect(await metrics.value('sites', { status: 'offline' })).toBe(0);
      await execute(`update edge_sites set status = 'offline' where id = ?`, [id]);
      expect(await metrics.value('sites', { status: 'pending' })).toBe(before!);
      expect(await metrics.value('sites', { status: 'offline' })).toBe(1);
    });

    it('count them by how they are doing', async () => {
      const counts = async () => Promise.all([metrics.value('sites_health', { state: 'never_connected' }), metrics.value('sites_health', { state: 'site_dark' })]);
      const [never, dark] = await counts();
      const id = await createSite('Leipzig');
      expect(await counts()).toEqual([never! + 1, dark]);
      await execute(`update nats_leaf_servers set connected_at = now(), disconnected_at = now() where edge_site_id = ?`, [id]);
      expect(await counts()).toEqual([never, dark! + 1]);
      expect(await metrics.value('sites_health', { state: 'wan_down' })).toBe(0);
    });

    it('count leaves that are connected, have drifted, or cannot be made', async () => {
      const id = await createSite('Dresden');
      const [connected, drifted] = await Promise.all([metrics.value('leaf_connections'), metrics.value('sites_drifted')]);
      await execute(`update nats_leaf_servers set link_id = 'hub:7', drifted_since = now() where edge_site_id = ?`, [id]);
      expect([await metrics.value('leaf_connections'), await metrics.value('sites_drifted')]).toEqual([connected! + 1, drifted! + 1]);
      expect(await metrics.value('leaf_servers_failed')).toBe(0);
      expect(await metrics.value('leaf_control_connections')).toBe(0);
      // Of the site before.
      await execute(`update nats_leaf_servers set link_id = null where edge_site_id = ?`, [id]);
    });
  });

  it('tell how long sites take to be provisioned, and what waits for it', async () => {
    const done = () => metrics.value('job_duration_seconds_count', { queue: 'provisioning', result: 'done' });
    const before = (await done()) ?? 0;
    await createSite('Essen');
    // More than one is done, where the site before was still to be provisioned.
    await until('it was provisioned', async () => ((await done()) ?? 0) > before);
    expect(await metrics.value('job_run_duration_seconds_count', { queue: 'provisioning', result: 'done' })).toBeGreaterThan(0);
    await until('nothing waits', async () => (await metrics.value('queue_jobs', { queue: 'provisioning', state: 'waiting' })) === 0);
    expect(await metrics.value('queue_jobs', { queue: 'streams', state: 'active' })).toBe(0);
  });

  it('tell of jobs that fail', async () => {
    const failed = () => metrics.value('job_run_duration_seconds_count', { queue: 'collectors', result: 'failed' });
    await app.database.asSuperuser(async (client) => {
      await client.query(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'injected'; end $$`);
      await client.query('create trigger refuse before update on collector_packages for each row execute function refuse()');
    });
    await ok(acme.api.post('/admin/collectors', { collector_type: 'flowgger', edge_site_id: await createSite('Frankfurt') }));
    await until('a run has failed', async () => ((await failed()) ?? 0) > 0);
    expect(await metrics.value('collector_packages', { status: 'pending' })).toBe(1);
    await app.database.asSuperuser((client) => client.query('drop function refuse cascade'));
    await until('it is tried again', async () => (await metrics.value('collector_packages', { status: 'ready' })) === 1);
  });

  it('tell how many certificates end soon, and when the first one does', async () => {
    const within = (days: string) => metrics.value('certificates_expiring', { kind: 'leaf', within_days: days });
    await until('a leaf has a certificate', async () => (await metrics.value('certificate_next_expiry_timestamp_seconds', { kind: 'leaf' })) !== undefined);
    expect([await within('7'), await within('30')]).toEqual([0, 0]);
    const one = `(select id from certificates where kind = 'leaf' and status = 'issued' order by id limit 1)`;
    await execute(`update certificates set not_after = now() + interval '20 days' where id = ${one}`);
    expect([await within('7'), await within('30')]).toEqual([0, 1]);
    await execute(`update certificates set not_after = now() + interval '2 days' where id = ${one}`);
    expect([await within('7'), await within('30')]).toEqual([1, 1]);
    const days = ((await metrics.value('certificate_next_expiry_timestamp_seconds', { kind: 'leaf' }))! * 1000 - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(2);
    await execute(`update certificates set not_after = now() - interval '1 day' where id = ${one}`);
    expect([await within('7'), await within('30')]).toEqual([0, 0]);
    expect(await metrics.value('certificates_expiring', { kind: 'tenant_ca', within_days: '30' })).toBe(0);
    expect(await metrics.value('certificates_expiring', { kind: 'service', within_days: '30' })).toBeUndefined();
  });

  it('tell that the hub is away, and what it has not confirmed', async () => {
    expect(await metrics.value('hub_connected')).toBe(0);
    const pending = await metrics.value('nats_account_pushes_pending');
    await app.tenant('Other');
    expect(await metrics.value('nats_account_pushes_pending')).toBeGreaterThan(pending!);
    await execute('update nats_accounts set pushed_revision = jwt_revision');
    expect(await metrics.value('nats_account_pushes_pending')).toBe(0);
  });

  it('tell how many connections to PostgreSQL work', async () => {
    const used = () => metrics.value('database_pool_connections', { pool: 'tenant', state: 'used' });
    await until('none works', async () => (await used()) === 0);
    await app.service.app.get(Database).transaction({ tenantId: acme.id }, async (em) => {
      await em.execute('select 1');
      expect(await used()).toBe(1);
    });
    expect(await metrics.value('database_pool_waiting', { pool: 'tenant' })).toBe(0);
    expect(await metrics.value('database_pool_max_connections', { pool: 'tenant' })).toBeGreaterThan(1);
  });

  it('tell who leads the monitoring', async () => {
    await until('it leads', async () => (await metrics.value('monitor_leader')) === 1);
    expect(await metrics.value('monitor_events_waiting')).toBe(0);
  });
});
