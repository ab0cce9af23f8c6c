import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { LeafPresence } from '../../../src/edge-sites/index.js';
import { RenewalSweep } from '../../../src/provisioning/renewal.sweep.js';
import { startTestApp, type TestApp } from '../../support/app.js';

describe('the certificates of a leaf', () => {
  let app: TestApp;
  let tenant: { id: string; api: Api };

  const sweep = () => app.service.app.get(RenewalSweep, { strict: false }).run();
  const leafOf = async (id: string) => (await ok(tenant.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`))).leaf_server;
  const provisioned = (id: string, generation: number) =>
    until(`generation ${generation} is provisioned`, async () => {
      const leaf = await leafOf(id);
      return leaf.status !== 'pending' && leaf.generation === generation && leaf;
    });
  const connected = (edgeSiteId: string, generation: number) =>
    app.service.app.get(LeafPresence, { strict: false }).connected({ tenantId: tenant.id, edgeSiteId, generation, linkId: `hub:${generation}`, at: new Date() });
  const execute = (sql: string, ...values: unknown[]) => app.database.database.em('platform').execute(sql, values);
  /** As if time had passed. */
  const end = (id: string, inDays: number) =>
    execute(
      `update nats_leaf_servers set cert_expires_at = now() + make_interval(days => ?),
              installed_cert_expires_at = case when installed_generation = provisioned_generation then now() + make_interval(days => ?) end
        where edge_site_id = ?`,
      inDays,
      inDays,
      id,
    );
  const site = async (name: string) => {
    const { id } = await ok(tenant.api.post<EdgeSiteDto>('/admin/edge-sites', { name }));
    await provisioned(id, 1);
    return id;
  };

  beforeAll(async () => {
    app = await startTestApp();
    tenant = await app.tenant('Acme');
  });
  afterAll(() => app.close());

  it('are left alone while 30 days or more remain', async () => {
    const id = await site('fresh');
    await end(id, 31);
    await sweep();
    expect(await leafOf(id)).toMatchObject({ generation: 1, status: 'provisioned', cert_expiring_soon: false });
  });

  it('are renewed once when fewer remain, and said to be expiring until the site has installed the new ones', async () => {
    const id = await site('old');
    await connected(id, 1);
    await end(id, 29);
    expect(await leafOf(id)).toMatchObject({ cert_expiring_soon: true, installed_generation: 1 });

    await Promise.all([sweep(), sweep()]);
    const renewed = await provisioned(id, 2);
    expect(renewed).toMatchObject({ connected_generation: 1, installed_generation: 1, cert_expiring_soon: true });
    expect(Date.parse(renewed.cert_expires_at!)).toBeGreaterThan(Date.now() + 300 * 86_400_000);
    await sweep();
    expect(await leafOf(id)).toMatchObject({ generation: 2 });

    await connected(id, 2);
    expect(await leafOf(id)).toMatchObject({ connected_generation: 2, installed_generation: 2, cert_expiring_soon: false });
    const { data } = await ok(tenant.api.get<{ data: AuditEventDto[] }>('/admin/audit-events?limit=100'));
    expect(data.filter(({ action, subject_id }) => action === 'nats_leaf_server.renew' && subject_id === id)).toEqual([
      expect.objectContaining({ actor: 'system:renewal', detail: expect.objectContaining({ generation: 2 }) }),
    ]);
  });

  it('are not renewed when their CA ends no later, for nothing would be gained', async () => {
    const id = await site('last');
    await execute(`update tenant_cas set not_after = now() + interval '20 days' where tenant_id = ?`, tenant.id);
    await execute('update nats_leaf_servers set cert_expires_at = (select not_after from tenant_cas where tenant_id = ?) where edge_site_id = ?', tenant.id, id);
    await sweep();
    expect(await leafOf(id)).toMatchObject({ generation: 1, status: 'provisioned', cert_expiring_soon: true });
  });
});
