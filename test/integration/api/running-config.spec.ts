import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { EdgeSiteDto, NatsLeafServerDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { LeafPresence } from '../../../src/edge-sites/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

const CHANGED = 'c'.repeat(64);
const CHANGED_AGAIN = 'd'.repeat(64);

describe('what a site says that it runs', () => {
  let app: TestApp;
  let tenant: { id: string; slug: string; api: Api };
  let operator: Api;
  let id: string;
  let first: NatsLeafServerDto;

  const put = <T = NatsLeafServerDto>(api: Api, body: unknown) => api.call<T>('PUT', `/admin/edge-sites/${id}/leaf-server/running-config`, { body });
  const report = async (checksum: string | null) => {
    const { status, body } = await put(operator, { checksum });
    expect(status).toBe(200);
    return body;
  };
  const provisioned = (generation: number) =>
    until('the leaf is provisioned', async () => {
      const { leaf_server: leaf } = await ok(tenant.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`));
      return leaf.status !== 'pending' && leaf.generation === generation && leaf;
    });
  const connected = (generation: number) =>
    app.service.app
      .get(LeafPresence, { strict: false })
      .connected({ tenantId: tenant.id, edgeSiteId: id, generation, linkId: `hub:${generation}`, at: new Date() });

  beforeAll(async () => {
    app = await startTestApp();
    tenant = await app.tenant('Acme');
    operator = await app.keyOf(tenant.slug, 'operator');
    ({ id } = await ok(tenant.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'x' })));
    first = await provisioned(1);
    await connected(1);
  });
  afterAll(() => app.close());

  it('is unknown until it is reported', () => {
    expect(first).toMatchObject({ running_checksum: null, drifted: null, drifted_since: null });
  });

  it('has not drifted when it is what was provisioned', async () => {
    expect(await report(first.config_checksum)).toMatchObject({ running_checksum: first.config_checksum, drifted: false, drifted_since: null });
  });

  it('has drifted when it is something else, since it was first reported so', async () => {
    const { drifted_since } = await report(CHANGED);
    expect(drifted_since).toEqual(expect.any(String));
    for (const checksum of [CHANGED, CHANGED_AGAIN]) {
      expect(await report(checksum)).toMatchObject({ running_checksum: checksum, drifted: true, drifted_since });
    }
    expect(await report(first.config_checksum)).toMatchObject({ drifted: false, drifted_since: null });
  });

  it('has not drifted while the new generation is not installed, and has when the old one comes back after that', async () => {
    await ok(tenant.api.post(`/admin/edge-sites/${id}/leaf-server/regenerate`));
    const { config_checksum: second } = await provisioned(2);
    expect(await report(first.config_checksum)).toMatchObject({ drifted: false });
    expect(await report(second)).toMatchObject({ drifted: false });
    await connected(2);
    expect(await report(second)).toMatchObject({ drifted: false });
    expect(await report(first.config_checksum)).toMatchObject({ drifted: true });
  });

  it('is audited when it is another than before', async () => {
    const rows = async () => {
      const { data } = await ok(tenant.api.get<{ data: AuditEventDto[] }>('/admin/audit-events?limit=100'));
      return data.filter(({ action }) => action === 'nats_leaf_server.report');
    };
    const before = (await rows()).length;
    await report(CHANGED);
    await report(CHANGED);
    const [newest, ...others] = await rows();
    expect(others).toHaveLength(before);
    expect(newest).toMatchObject({ subject_id: id, detail: { running_checksum: CHANGED, drift: 'drifted' } });
  });

  it('is taken from operators of the tenant only, and only as a checksum', async () => {
    expect((await put(await app.keyOf(tenant.slug, 'viewer'), { checksum: CHANGED })).status).toBe(403);
    expect((await put((await app.tenant('Stranger')).api, { checksum: CHANGED })).status).toBe(404);
    for (const checksum of [undefined, null, '', 'a"b', 'C'.repeat(64), `${CHANGED}\n`]) {
      const { status, body } = await put<{ errors: { pointer: string }[] }>(operator, { checksum });
      expect([status, body.errors[0]?.pointer]).toEqual([422, '/checksum']);
    }
  });
});
