import { KEY_SCOPES } from '#libs/policy';
import { type Answer, type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { ApiKeyDto, CreateApiKeyDto, CreatedApiKeyDto, MeDto } from '../../../src/api-keys/dto/api-key.dto.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Problem {
  code: string;
  detail: string;
  errors?: { pointer: string; code: string; detail: string }[];
}

let app: TestApp;
let acme: { id: string; slug: string; api: Api };

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,worker' });
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const make = (asked: object, api = acme.api) => api.post<CreatedApiKeyDto & Problem>('/admin/api-keys', { name: 'narrow', role: 'admin', ...asked });
const keyWith = (asked: Pick<CreateApiKeyDto, 'scopes' | 'site_labels'>, role = 'admin') => app.keyOf(acme.slug, role, asked);
const createSite = (labels: object, api = acme.api) => api.post<EdgeSiteDto & Problem>('/admin/edge-sites', { name: 'Plant', slug: `plant-${(sites += 1)}`, labels });
const idOf = async (answer: Promise<Answer<{ id: string }>>) => (await ok(answer)).id;
const statusOf = async (answer: Promise<Answer<unknown>>) => (await answer).status;
let sites = 0;

async function provisioned(id: string): Promise<string> {
  await until('the leaf is provisioned', async () => (await acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`)).body.leaf_server.status === 'provisioned');
  return id;
}

describe('an API key that is narrowed', () => {
  const narrowing = { scopes: ['edge_sites:read', 'bundles:*'], site_labels: { region: 'a"b $(touch x) `id` \'; rm %n 🏭' } };

  it('says so where it is made, listed, asked who it is, and audited', async () => {
    const made = await ok(make(narrowing));
    expect(made).toMatchObject(narrowing);
    const { data } = await ok(acme.api.get<{ data: ApiKeyDto[] }>('/admin/api-keys'));
    expect(data.find(({ id }) => id === made.id)).toMatchObject(narrowing);
    expect((await app.admin.as({ key: made.key }).get<MeDto>('/me')).body).toMatchObject({ id: made.id, role: 'admin', ...narrowing });
    const audit = await ok(acme.api.get<{ data: AuditEventDto[] }>(`/admin/audit-events?subject_id=${made.id}`));
    expect(audit.data).toMatchObject([{ action: 'api_key.create', detail: { name: 'narrow', role: 'admin', ...narrowing } }]);
  });

  it.each([
    ['nothing is said', {}],
    ['what is said is empty', { scopes: [], site_labels: {} }],
  ])('is not when %s', async (_how, asked) => {
    const made = await ok(make(asked));
    expect(made).toMatchObject({ scopes: [], site_labels: {} });
    const api = app.admin.as({ key: made.key });
    expect(await statusOf(api.get('/admin/api-keys'))).toBe(200);
    expect(await statusOf(api.get('/admin/edge-sites'))).toBe(200);
  });

  it('has scopes of the list that it is refused with', async () => {
    const { status, body } = await make({ scopes: ['edge_sites:read', 'edge_sites:explode'] });
    expect([status, body.code]).toEqual([422, 'validation_failed']);
    expect(body.errors).toMatchObject([{ pointer: '/scopes' }]);
    expect(KEY_SCOPES.filter((scope) => !body.errors![0]!.detail.includes(scope))).toEqual([]);
  });

  it.each([
    ['a scope twice', { scopes: ['edge_sites:read', 'edge_sites:read'] }, '/scopes'],
    ['a scope of platform admins', { scopes: ['tenants:read'] }, '/scopes'],
    ['every scope at once', { scopes: ['*'] }, '/scopes'],
    ['one text', { scopes: 'edge_sites:read' }, '/scopes'],
    ['null', { scopes: null }, '/scopes'],
    ['labels that no site can have', { site_labels: { UPPER: 'x' } }, '/site_labels'],
    ['labels that are null', { site_labels: null }, '/site_labels'],
  ])('is not made with %s', async (_what, asked, pointer) => {
    const { status, body } = await make(asked);
    expect([status, [...new Set(body.errors?.map((error) => error.pointer))]]).toEqual([422, [pointer]]);
  });

  it('is not made with a scope that its role gives nothing to, or has at no site', async () => {
    const beyond = await make({ role: 'viewer', scopes: ['edge_sites:read', 'edge_sites:delete'] });
    expect(beyond.body.errors).toMatchObject([{ pointer: '/scopes', code: 'without_effect' }]);
    expect(beyond.body.detail).toBe('A key with the role viewer may do nothing by edge_sites:delete. Leave that out, or give it another role.');
    const atSites = await make({ scopes: ['api_keys:*'], site_labels: { region: 'east' } });
    expect(atSites.body.detail).toContain('may do nothing at sites by api_keys:*');
  });
});

describe('a key with scopes that makes keys', () => {
  it('makes none that may do more than itself', async () => {
    const maker = await keyWith({ scopes: ['api_keys:create', 'edge_sites:read', 'collectors:*'] });
    const refused = async (asked: object) => {
      const { status, body } = await make(asked, maker);
      return [status, body.code, body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)];
    };
    const beyond = [403, 'forbidden', ['/scopes beyond_own']];
    expect(await refused({})).toEqual(beyond);
    expect(await refused({ role: 'viewer' })).toEqual(beyond);
    expect(await refused({ scopes: ['edge_sites:read', 'edge_sites:update'] })).toEqual(beyond);
    expect(await refused({ scopes: ['edge_sites:*'] })).toEqual(beyond);
    const made = await ok(make({ scopes: ['edge_sites:read', 'collectors:create'] }, maker));
    const api = app.admin.as({ key: made.key });
    expect([await statusOf(api.get('/admin/edge-sites')), await statusOf(api.get('/admin/collectors'))]).toEqual([200, 403]);
    const { data } = await ok(acme.api.get<{ data: AuditEventDto[] }>('/admin/audit-events?action=api_key.create&outcome=refused'));
    expect(data.length).toBeGreaterThanOrEqual(4);
  });

  it('of sites makes none at all', async () => {
    const { status, body } = await make({ site_labels: { region: 'east' } }, await keyWith({ site_labels: { region: 'east' } }));
    expect([status, body.detail]).toEqual([403, 'Your role, at sites with the labels region=east, does not allow you to create API keys.']);
  });
});

describe('a key for some sites', () => {
  const own = { region: 'east', line: '3' };

  it('creates sites that it reaches then, and no other', async () => {
    const key = await keyWith({ site_labels: own });
    for (const labels of [{}, { region: 'east' }, { ...own, region: 'west' }, { region: 'line=3' }]) {
      const { status, body } = await createSite(labels, key);
      expect([status, body.code]).toEqual([403, 'forbidden']);
    }
    const created = await ok(createSite({ ...own, shift: 'night' }, key));
    expect(created.labels).toEqual({ ...own, shift: 'night' });
    expect(await statusOf(key.get(`/admin/edge-sites/${created.id}`))).toBe(200);
  });

  it('labels a site as it likes, but not away from itself', async () => {
    const key = await keyWith({ site_labels: own });
    const id = await idOf(createSite(own));
    const change = (labels: object) => key.patch<EdgeSiteDto & Problem>(`/admin/edge-sites/${id}`, { name: 'Other', labels });
    for (const labels of [{}, { region: 'east' }, { ...own, line: '4' }]) expect(await statusOf(change(labels))).toBe(403);
    expect((await ok(key.get<EdgeSiteDto>(`/admin/edge-sites/${id}`))).name).toBe('Plant');
    expect((await ok(change({ ...own, shift: 'day' }))).labels).toEqual({ ...own, shift: 'day' });
  });

  it('reaches a site, and what belongs to it, from the moment that it has the labels until it has them no more', async () => {
    const key = await keyWith({ site_labels: own });
    const edge_site_id = await idOf(createSite({ region: 'west' }));
    const paths = [
      `/admin/edge-sites/${edge_site_id}`,
      `/admin/edge-sites/${edge_site_id}/leaf-server`,
      `/admin/edge-sites/${edge_site_id}/buffer`,
      `/admin/collectors/${await idOf(acme.api.post('/admin/collectors', { collector_type: 'otel', edge_site_id }))}`,
      `/admin/edge-packages/${await idOf(acme.api.post('/admin/edge-packages', { label: 'x', component_type: 'agent', component_id: 'x', edge_site_id }))}`,
    ];
    const label = (labels: object) => ok(acme.api.patch(`/admin/edge-sites/${edge_site_id}`, { labels }));
    const statuses = () => Promise.all(paths.map((path) => statusOf(key.get(path))));
    expect(await statuses()).toEqual(paths.map(() => 404));
    await label(own);
    expect(await statuses()).toEqual(paths.map(() => 200));
    await label({ ...own, line: '4' });
    expect(await statuses()).toEqual(paths.map(() => 404));
  });

  it('makes collectors at its sites only', async () => {
    const key = await keyWith({ site_labels: own });
    const [here, elsewhere] = [await idOf(createSite(own)), await idOf(createSite({ region: 'west' }))];
    const create = (edge_site_id?: string) => key.post<Problem>('/admin/collectors', { collector_type: 'otel', edge_site_id });
    expect(await statusOf(create(here))).toBe(201);
    expect(await statusOf(create(elsewhere))).toBe(404);
    expect(await statusOf(create())).toBe(403);
  });

  it('does not reach another tenant’s site that has its labels', async () => {
    const globex = await app.tenant('Globex');
    const id = await idOf(createSite(own, globex.api));
    const key = await keyWith({ site_labels: own });
    expect(await statusOf(key.get(`/admin/edge-sites/${id}`))).toBe(404);
    expect(await statusOf(key.get(`/admin/edge-sites/${id}/bundle`))).toBe(404);
  });

  it('downloads the bundles of its sites and of no other, while others download both', async () => {
    const [here, elsewhere] = [await provisioned(await idOf(createSite(own))), await provisioned(await idOf(createSite({ ...own, line: '4' })))];
    const keys = [await keyWith({ site_labels: own }), await keyWith({ site_labels: { line: '4' } }), await keyWith({}), await keyWith({ site_labels: { region: 'north' } })];
    // At once, so that they could be looked up together.
    const answers = await Promise.all(
      [1, 2, 3].flatMap(() => keys.map((key) => Promise.all([here, elsewhere].map((id) => statusOf(key.get(`/admin/edge-sites/${id}/bundle`)))))),
    );
    const expected = [[200, 404], [404, 200], [200, 200], [404, 404]];
    expect(answers).toEqual([...expected, ...expected, ...expected]);
    const { data } = await ok(acme.api.get<{ data: AuditEventDto[] }>(`/admin/audit-events?action=edge_site_bundle.download&subject_id=${here}`));
    expect(data).toHaveLength(6);
  });

  it('makes download tokens for its sites, which are good for whoever holds them', async () => {
    const key = await keyWith({ site_labels: own, scopes: ['download_tokens:create'] });
    const [here, elsewhere] = [await provisioned(await idOf(createSite(own))), await idOf(createSite({ region: 'west' }))];
    const { token } = await ok(key.post<DownloadTokenDto>(`/admin/edge-sites/${here}/download-tokens`));
    expect(await statusOf(key.post(`/admin/edge-sites/${elsewhere}/download-tokens`))).toBe(404);
    const headers = { 'x-serviceradar-download-token': token };
    expect(await statusOf(app.admin.as({}).call('POST', `/edge-sites/${here}/bundle`, { headers }))).toBe(200);
  });

  it('deletes its site with the packages there', async () => {
    const key = await keyWith({ site_labels: own });
    const id = await idOf(createSite(own));
    const collector = await idOf(key.post('/admin/collectors', { collector_type: 'otel', edge_site_id: id }));
    expect(await statusOf(key.delete(`/admin/edge-sites/${id}`))).toBe(409);
    expect(await statusOf(key.delete(`/admin/edge-sites/${id}?collectors=detach`))).toBe(204);
    // It is no site's from now on.
    expect([await statusOf(key.get(`/admin/collectors/${collector}`)), await statusOf(acme.api.get(`/admin/collectors/${collector}`))]).toEqual([404, 200]);
  });
});
