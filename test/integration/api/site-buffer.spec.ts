import type { Api } from '../../../lab/api.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const create = async (name: string) => (await acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name })).body.id;
const execute = (sql: string, values: unknown[]) => app.database.database.em('platform').execute(sql, values);

/** As a worker would have measured it. */
async function measure(siteId: string, values: Record<string, unknown> = {}): Promise<void> {
  const row = {
    edge_site_id: siteId,
    tenant_id: acme.id,
    measured_at: '2026-11-26T10:00:00Z',
    link_id: 'hub:1',
    messages: 1000,
    bytes: 500_000,
    last_sequence: 1_790_000_000_001_000,
    forwarded_sequence: 1_790_000_000_000_800,
    waiting_messages: 200,
    waiting_bytes: 100_000,
    oldest_age_ms: 99_600,
    message_rate: 2,
    byte_rate: 1000,
    rate_span: 3600,
    stream_created_at: '2026-11-20T10:00:00Z',
    leaf_time: '2026-11-26T10:00:00Z',
    max_age_ms: 604_800_000,
    max_bytes: 9_663_676_416,
    discard: 'old',
    ...values,
  };
  const columns = Object.keys(row);
  await execute(`insert into site_buffers (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`, Object.values(row));
}

describe('the buffer of a site', () => {
  it('has no figures before its leaf was measured', async () => {
    const id = await create('Young');
    const { status, body } = await acme.api.get<Record<string, unknown>>(`/admin/edge-sites/${id}/buffer`);
    const { edge_site_id, connected, ...figures } = body;
    expect([status, edge_site_id, connected]).toEqual([200, id, false]);
    expect(Object.values(figures)).toEqual(Array(11).fill(null));
  });

  it('is what was measured, with the time of that', async () => {
    const id = await create('Measured');
    await measure(id);
    expect((await acme.api.get(`/admin/edge-sites/${id}/buffer`)).body).toEqual({
      edge_site_id: id,
      connected: false,
      measured_at: '2026-11-26T10:00:00.000Z',
      waiting_messages: 200,
      waiting_bytes: 100_000,
      oldest_age: 100,
      stored_messages: 1000,
      stored_bytes: 500_000,
      message_rate: 2,
      byte_rate: 1000,
      full_in: 604_700,
      limits: { max_age: 604_800, max_bytes: 9_663_676_416, discard: 'old' },
      limits_pending: false,
    });
  });

  it('says that the leaf has other limits than it should', async () => {
    const id = await create('Pending');
    await measure(id);
    const pending = async () => (await acme.api.get<{ limits_pending: boolean }>(`/admin/edge-sites/${id}/buffer`)).body.limits_pending;
    for (const [buffer, expected] of [[{ max_age: 3600 }, true], [{ max_age: 604_800 }, false], [{ discard: 'new' }, true], [{ discard: 'old', max_bytes: 2 ** 30 }, true]] as const) {
      await acme.api.patch(`/admin/edge-sites/${id}`, { buffer });
      expect(await pending()).toBe(expected);
    }
  });

  it('may be read by a viewer, and not by another tenant', async () => {
    const id = await create('Private');
    await measure(id);
    const viewer = await app.keyOf(acme.slug, 'viewer');
    const { api: stranger } = await app.tenant('Globex');
    expect((await viewer.get(`/admin/edge-sites/${id}/buffer`)).status).toBe(200);
    expect((await stranger.get(`/admin/edge-sites/${id}/buffer`)).status).toBe(404);
    const seen = await app.database.database.em({ tenantId: acme.id }).execute('select 1 from site_buffers');
    expect(seen.length).toBeGreaterThan(0);
    expect(await app.database.database.em({ tenantId: id }).execute('select 1 from site_buffers')).toEqual([]);
  });

  it('is gone with its site', async () => {
    const id = await create('Gone');
    await measure(id);
    expect((await acme.api.delete(`/admin/edge-sites/${id}`)).status).toBe(204);
    expect(await execute('select 1 from site_buffers where edge_site_id = ?', [id])).toEqual([]);
  });
});
