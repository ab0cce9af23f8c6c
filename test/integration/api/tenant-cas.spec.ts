import { X509Certificate } from 'node:crypto';
import { type Api, ok } from '../../../lab/api.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { TenantCaDto } from '../../../src/ca-roll-over/dto/tenant-ca.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import type { CertificateDto } from '../../../src/pki/dto/certificate.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { opensslCrlText } from '../pki/openssl.js';

interface Problem {
  code: string;
  detail: string;
}
interface Tenant {
  id: string;
  slug: string;
  api: Api;
}

const PATH = '/admin/pki/authorities';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
});
afterAll(() => app.close());

const list = async ({ api }: Tenant) => (await ok(api.get<{ data: TenantCaDto[] }>(PATH))).data;
const statuses = async (tenant: Tenant) => (await list(tenant)).map(({ status }) => status);
const begin = ({ api }: Tenant) => ok(api.post<TenantCaDto>(PATH));
const activate = ({ api }: Tenant, { id }: { id: string }, body: object = {}) => api.post<TenantCaDto & Problem>(`${PATH}/${id}/activate`, body);
const retire = ({ api }: Tenant, { id }: { id: string }) => api.post<TenantCaDto & Problem>(`${PATH}/${id}/retire`);
const site = ({ api }: Tenant, name: string) => ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name }));
/** Its certificate is signed at once. */
const sign = ({ api }: Tenant, { id }: EdgeSiteDto, component_id: string) =>
  ok(api.post<OnboardingPackageDto>('/admin/edge-packages', { label: component_id, component_type: 'agent', component_id, edge_site_id: id }));
const revoke = ({ api }: Tenant, { id }: OnboardingPackageDto) => ok(api.post(`/admin/edge-packages/${id}/revoke`));
/** As if the site's leaf had connected with files of these CAs. */
const installed = ({ id }: EdgeSiteDto, cas: TenantCaDto[]) =>
  app.database.database
    .em('platform')
    .execute('update nats_leaf_servers set installed_generation = 1, installed_trusted_ca_ids = ?::text[] where edge_site_id = ?', [
      `{${cas.map((ca) => ca.id).join(',')}}`,
      id,
    ]);
const chain = async ({ slug }: Tenant) => {
  const pem = await ok(app.admin.as({}).get<Buffer>(`/pki/tenants/${slug}/ca.pem`));
  return pem.toString().split(/(?<=-----END CERTIFICATE-----\n)/).map((one) => new X509Certificate(one).fingerprint256.replaceAll(':', '').toLowerCase());
};

describe('the CAs of a tenant', () => {
  it('are one active CA to begin with', async () => {
    const tenant = await app.tenant('First');
    const [only, ...more] = await list(tenant);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ status: 'active', live_certificates: 0, waiting_sites: [] });
    expect(Date.parse(only!.not_after) - Date.parse(only!.not_before)).toBeGreaterThan(3_650 * 86_400_000);
    expect((await chain(tenant))[0]).toBe(only!.fingerprint_sha256);
    expect(await ok(tenant.api.get<TenantCaDto>(`${PATH}/${only!.id}`))).toEqual(only);
  });

  it('may be looked at by a viewer, and changed by nobody below an administrator', async () => {
    const tenant = await app.tenant('Roles');
    const [{ id }] = (await list(tenant)) as [TenantCaDto];
    for (const role of ['viewer', 'operator']) {
      const api = await app.keyOf(tenant.slug, role);
      expect((await api.get(PATH)).status).toBe(200);
      for (const path of [PATH, `${PATH}/${id}/activate`, `${PATH}/${id}/retire`]) expect((await api.post(path, {})).status).toBe(403);
    }
    expect(await statuses(tenant)).toEqual(['active']);
  });

  it('may be changed by a platform admin who names the tenant', async () => {
    const tenant = await app.tenant('Named');
    const named = app.admin.as({ ...app.admin.credentials, tenant: tenant.slug });
    expect(await ok(named.post<TenantCaDto>(PATH))).toMatchObject({ status: 'next' });
    expect((await app.admin.post<Problem>(PATH)).body.code).toBe('tenant_required');
    expect(await statuses(tenant)).toEqual(['next', 'active']);
  });

  it('are not there for another tenant', async () => {
    const [tenant, other] = [await app.tenant('Own'), await app.tenant('Other')];
    const next = await begin(tenant);
    expect((await other.api.get(`${PATH}/${next.id}`)).status).toBe(404);
    expect((await activate(other, next)).status).toBe(404);
    expect((await retire(other, next)).status).toBe(404);
    expect(await statuses(other)).toEqual(['active']);
    expect(await statuses(tenant)).toEqual(['next', 'active']);
  });
});

describe('a roll-over', () => {
  it('goes from next to active to retired, and what is public has all CAs that are trusted, first the one that signs', async () => {
    const tenant = await app.tenant('Steps');
    const [old] = (await list(tenant)) as [TenantCaDto];
    const [before] = [await chain(tenant)];
    const root = before.at(-1);

    const next = await begin(tenant);
    expect(next).toMatchObject({ status: 'next', live_certificates: 0, waiting_sites: [] });
    expect(await chain(tenant)).toEqual([old.fingerprint_sha256, next.fingerprint_sha256, root]);

    expect((await activate(tenant, next)).body).toMatchObject({ id: next.id, status: 'active' });
    expect(await statuses(tenant)).toEqual(['active', 'retiring']);
    expect(await chain(tenant)).toEqual([next.fingerprint_sha256, old.fingerprint_sha256, root]);

    expect((await retire(tenant, old)).body).toMatchObject({ id: old.id, status: 'retired' });
    expect(await chain(tenant)).toEqual([next.fingerprint_sha256, root]);

    const { data } = await ok(tenant.api.get<{ data: AuditEventDto[] }>('/admin/audit-events?limit=100'));
    const steps = data.filter(({ subject_type }) => subject_type === 'tenant_ca').map(({ action, subject_id }) => [action, subject_id]);
    expect(steps.reverse()).toEqual([['tenant_ca.begin', next.id], ['tenant_ca.activate', next.id], ['tenant_ca.retire', old.id]]);
  });

  it('takes its steps in order only', async () => {
    const tenant = await app.tenant('Order');
    const [old] = (await list(tenant)) as [TenantCaDto];
    const refused = async (answer: ReturnType<typeof activate>) => {
      const { status, body } = await answer;
      return [status, body.code];
    };
    expect(await refused(activate(tenant, old))).toEqual([409, 'illegal_transition']);
    expect(await refused(retire(tenant, old))).toEqual([409, 'illegal_transition']);
    const next = await begin(tenant);
    expect(await refused(tenant.api.post(PATH))).toEqual([409, 'conflict']);
    expect(await refused(retire(tenant, next))).toEqual([409, 'illegal_transition']);
    await ok(activate(tenant, next));
    expect(await refused(activate(tenant, next))).toEqual([409, 'illegal_transition']);
    expect(await refused(activate(tenant, old))).toEqual([409, 'illegal_transition']);
    await ok(retire(tenant, old));
    expect(await refused(retire(tenant, old))).toEqual([409, 'illegal_transition']);
    expect(await statuses(tenant)).toEqual(['active', 'retired']);
  });

  it('is begun once, however many begin it at once, and activated once', async () => {
    const tenant = await app.tenant('Twice');
    const begun = await Promise.all(Array.from({ length: 5 }, () => tenant.api.post<TenantCaDto>(PATH)));
    expect(begun.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    const next = begun.find(({ status }) => status === 201)!.body;
    const activated = await Promise.all(Array.from({ length: 5 }, () => activate(tenant, next)));
    expect(activated.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    expect(await statuses(tenant)).toEqual(['active', 'retiring']);
  });

  it('waits for sites whose leaf does not trust the next CA, and names them, unless it is forced', async () => {
    const tenant = await app.tenant('Waiting');
    const [old] = (await list(tenant)) as [TenantCaDto];
    const [plant, office] = [await site(tenant, 'Plant `$(touch x)`'), await site(tenant, 'Office')];
    await site(tenant, 'Never installed');
    const next = await begin(tenant);
    await installed(plant, [old]);
    await installed(office, [old, next]);

    const [shown] = await list(tenant);
    expect(shown!.waiting_sites).toEqual([{ id: plant.id, slug: plant.slug, name: 'Plant `$(touch x)`' }]);
    const { status, body } = await activate(tenant, next);
    expect([status, body.code]).toEqual([409, 'ca_not_trusted_everywhere']);
    expect(body.detail).toContain(`at: ${plant.slug}.`);
    expect((await activate(tenant, next, { force: 'yes' })).status).toBe(422);
    expect(await statuses(tenant)).toEqual(['next', 'active']);

    expect((await activate(tenant, next, { force: true })).body).toMatchObject({ status: 'active', waiting_sites: [] });
  });

  it('keeps a CA for as long as something that it signed is good', async () => {
    const tenant = await app.tenant('Needed');
    const [old] = (await list(tenant)) as [TenantCaDto];
    const plant = await site(tenant, 'Plant');
    const first = await sign(tenant, plant, 'agent-1');
    const next = await begin(tenant);
    const meanwhile = await sign(tenant, plant, 'agent-2');
    await ok(activate(tenant, next));
    await sign(tenant, plant, 'agent-3');

    expect((await list(tenant)).map(({ id, live_certificates }) => [id, live_certificates])).toEqual([[next.id, 1], [old.id, 2]]);
    const { status, body } = await retire(tenant, old);
    expect([status, body.detail]).toEqual([409, expect.stringContaining('2 certificates that it signed are good')]);
    await revoke(tenant, first);
    await revoke(tenant, meanwhile);
    expect((await retire(tenant, old)).body).toMatchObject({ status: 'retired', live_certificates: 0 });
  });

  it('leaves each CA its own revocation list, where its certificates say', async () => {
    const tenant = await app.tenant('Lists');
    const [old] = (await list(tenant)) as [TenantCaDto];
    const plant = await site(tenant, 'Plant');
    const first = await sign(tenant, plant, 'agent-1');
    const next = await begin(tenant);
    await ok(activate(tenant, next));
    const second = await sign(tenant, plant, 'agent-2');
    await revoke(tenant, first);
    await revoke(tenant, second);

    const { data } = await ok(tenant.api.get<{ data: CertificateDto[] }>('/admin/certificates?kind=agent'));
    const [serial2, serial1] = data.map(({ serial_number }) => serial_number.toUpperCase()) as [string, string];
    const crl = async (url: string) => opensslCrlText(await ok(app.admin.as({}).get<Buffer>(url.replace(/^.*\/api/, ''))));
    const [ofOld, ofNext] = [await crl(old.crl_url), await crl(next.crl_url)];
    expect([ofOld.includes(serial1), ofOld.includes(serial2)]).toEqual([true, false]);
    expect([ofNext.includes(serial1), ofNext.includes(serial2)]).toEqual([false, true]);
    // What was signed before lists had a CA's name.
    expect(await crl(`/pki/tenants/${tenant.slug}/crl`)).toContain(serial1);
    expect((await app.admin.as({}).get(`/pki/tenants/${tenant.slug}/crl/${'0'.repeat(32)}`)).status).toBe(404);
    const other = await app.tenant('No lists');
    expect((await app.admin.as({}).get(`/pki/tenants/${other.slug}/crl/${next.serial_number}`)).status).toBe(404);
  });
});
