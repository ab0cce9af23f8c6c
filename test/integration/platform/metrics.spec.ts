import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { type Api, ok } from '../../../lab/api.js';
import { freePort } from '../../../lab/free-port.js';
import { until } from '../../../lab/until.js';
import { parseConfig } from '../../../src/platform/config/index.js';
import { Metrics } from '../../../src/platform/metrics/index.js';
import { MetricsServer } from '../../../src/platform/metrics/metrics-server.js';
import { startTestApp, type TestApp } from '../../support/app.js';

const get = (port: number, path = '/metrics', init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init);

describe('a process with a port for metrics', () => {
  let app: TestApp;
  let port: number;
  let acme: { id: string; api: Api };
  beforeAll(async () => {
    port = await freePort();
    app = await startTestApp({ METRICS_PORT: String(port), ROLES: 'api,worker' });
    acme = await app.tenant('Acme');
  });
  afterAll(() => app.close());

  const execute = (sql: string, values: unknown[]) => app.database.database.em('platform').execute(sql, values);
  const connected = async (name: string): Promise<string> => {
    const { id } = await ok(acme.api.post<{ id: string }>('/admin/edge-sites', { name }));
    await execute(`update nats_leaf_servers set connected_at = now() where edge_site_id = ?`, [id]);
    return id;
  };
  const measured = (siteId: string, waiting: number, oldestAgeMs: number | null, byteRate: number) =>
    execute(
      `insert into site_buffers values (?, ?, '2026-11-26T10:00:00Z', 'hub:1', null, 1000, 500000, 2000, 1800, ?, ?, ?, ?, ?, 3600, now(), now(), 604800000, 1000000, 'old')`,
      [siteId, acme.id, waiting, waiting * 500, oldestAgeMs, byteRate / 500, byteRate],
    );
  /** Of a site: each of its metrics. */
  const metricsOf = async (site: string) => {
    const text = await (await get(port)).text();
    const found = [...text.matchAll(new RegExp(`^serviceradar_edge_(\\w+)\\{tenant="acme",site="${site}"\\} (\\S+)$`, 'gm'))];
    return Object.fromEntries(found.map(([, name, value]) => [name!, value!]));
  };

  it('tells how it is doing itself', async () => {
    const answer = await get(port);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/plain.*version=0\.0\.4/)]);
    expect(await answer.text()).toMatch(/^process_cpu_seconds_total \S+$/m);
  });

  it('tells how many audit rows wait for their seal, and since when', async () => {
    const gauge = async (name: string) => Number(new RegExp(`^serviceradar_edge_${name} (\\S+)$`, 'm').exec(await (await get(port)).text())![1]);
    await until('all is sealed', async () => (await gauge('audit_unsealed_rows')) === 0);
    expect(await gauge('audit_unsealed_oldest_age_seconds')).toBe(0);
    // While somebody holds the seals' lock, no worker seals.
    await app.database.database.transaction('platform', async (em) => {
      await em.execute('select pg_advisory_xact_lock(7202611250)');
      await ok(acme.api.post('/admin/edge-sites', { name: 'Unsealed' }));
      expect(await gauge('audit_unsealed_rows')).toBeGreaterThan(0);
      await until('it grows old', async () => (await gauge('audit_unsealed_oldest_age_seconds')) > 0.1);
    });
    await until('all is sealed', async () => (await gauge('audit_unsealed_rows')) === 0);
  });

  it('tells what waits at the leaves', async () => {
    await measured(await connected('New York'), 200, 99_500, 1000);
    expect(await metricsOf('new-york')).toEqual({
      site_connected: '0',
      site_buffer_measured_timestamp_seconds: String(Date.parse('2026-11-26T10:00:00Z') / 1000),
      site_buffer_waiting_messages: '200',
      site_buffer_waiting_bytes: '100000',
      site_buffer_oldest_age_seconds: '99.5',
      site_buffer_stored_messages: '1000',
      site_buffer_stored_bytes: '500000',
      site_buffer_max_bytes: '1000000',
      site_buffer_max_age_seconds: '604800',
      site_buffer_message_rate: '2',
      site_buffer_byte_rate: '1000',
      site_buffer_full_in_seconds: '900',
    });
  });

  it('says of a leaf that needs no more room that it is never full', async () => {
    await measured(await connected('Oslo'), 0, null, 0);
    expect(await metricsOf('oslo')).toMatchObject({ site_buffer_full_in_seconds: '+Inf', site_buffer_oldest_age_seconds: '0' });
  });

  it('has no figures of a leaf that was not measured, and none of a site that is gone', async () => {
    const id = await connected('Paris');
    expect(await metricsOf('paris')).toEqual({ site_connected: '0' });
    expect((await acme.api.delete(`/admin/edge-sites/${id}?buffered=discard`)).status).toBe(204);
    expect(await metricsOf('paris')).toEqual({});
  });

  it('serves nothing else there, and no metrics where the API is', async () => {
    expect((await get(port, '/')).status).toBe(404);
    expect((await get(port, '/api/health/live')).status).toBe(404);
    expect((await get(port, '/metrics', { method: 'POST' })).status).toBe(405);
    expect((await get(port, '/metrics?x=1')).status).toBe(200);
    for (const path of ['/metrics', '/api/metrics']) expect((await fetch(`${app.service.url}${path}`)).status).toBe(404);
  });
});

describe('a process without the role worker', () => {
  it('tells of no site by its name', async () => {
    const port = await freePort();
    const app = await startTestApp({ METRICS_PORT: String(port), ROLES: 'api' });
    const text = await (await get(port)).text();
    await app.close();
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    expect(text).not.toContain('serviceradar_edge_site_');
    await expect(get(port)).rejects.toThrow();
  });
});

describe('the port for metrics', () => {
  let other: Server;
  beforeAll(async () => {
    other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => other.close());

  it('is refused with the variable’s name when another program has it', async () => {
    const { port } = other.address() as { port: number };
    const server = new MetricsServer(parseConfig({ METRICS_PORT: String(port) }), new Metrics());
    const message = `The metrics cannot be served: HOST and METRICS_PORT say 127.0.0.1:${port}, which is taken by another program.`;
    await expect(server.onApplicationBootstrap()).rejects.toEqual(expect.objectContaining({ code: 'invalid_configuration', message }));
  });

  it('serves what is there while a part fails', async () => {
    const metrics = new Metrics();
    metrics.gauges({ broken: 'x' }, ['label'], async (gauges) => {
      gauges.broken.set({ label: 'a"b\n' }, 1);
      throw new Error('away');
    });
    metrics.gauges({ fine: 'x' }, ['label'], async (gauges) => gauges.fine.set({ label: 'a"b\n' }, 2));
    const text = await metrics.text();
    expect(text).toContain('serviceradar_edge_fine{label="a\\"b\\n"} 2');
    expect(text).not.toContain('serviceradar_edge_broken{');
  });
});
