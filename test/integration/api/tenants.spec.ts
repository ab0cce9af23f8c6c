import { Secret, systemRandom } from '#libs/kernel';
import { parseApiKey } from '../../../src/platform/auth/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Problem {
  code: string;
  detail: string;
  errors?: { pointer: string; code: string }[];
}

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
});
afterAll(() => app.close());

describe('tenants', () => {
  it('are created with a slug made from the name, a CA and a NATS account', async () => {
    const { status, body } = await app.admin.post<{ id: string; slug: string }>('/admin/tenants', { name: 'Zürich Wasser AG' });
    expect([status, body.slug]).toEqual([201, 'zurich-wasser-ag']);

    const chain = await app.admin.get<Buffer>(`/pki/tenants/${body.slug}/ca.pem`);
    expect(chain.body.toString()).toMatch(/BEGIN CERTIFICATE[^]*BEGIN CERTIFICATE/);
    const account = await app.admin.as({ ...app.admin.credentials, tenant: body.slug }).get('/admin/nats/account');
    expect(account.body).toMatchObject({ public_key: expect.stringMatching(/^A[A-Z2-7]{55}$/), pushed: false });
  });

  it('cannot have the slug of another', async () => {
    await app.admin.post('/admin/tenants', { name: 'Twin' });
    const { status, body } = await app.admin.post<Problem>('/admin/tenants', { name: 'twin!' });
    expect([status, body.code]).toEqual([409, 'slug_taken']);
    expect(body.detail).toContain('"twin"');
  });

  it('need a slug when the name holds nothing to make one of', async () => {
    const { status, body } = await app.admin.post<Problem>('/admin/tenants', { name: '東京' });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, '/slug']);
    expect((await app.admin.post('/admin/tenants', { name: '東京', slug: 'tokyo' })).status).toBe(201);
  });

  it('leave nothing behind when creating one fails', async () => {
    const count = async () => (await app.database.database.em('platform').execute<{ n: number }[]>('select (select count(*) from tenant_cas)::int as n'))[0]!.n;
    const before = await count();
    await app.admin.post('/admin/tenants', { name: 'Once' });
    await app.admin.post('/admin/tenants', { name: 'Once' });
    expect(await count()).toBe(before + 1);
  });

  it('are listed newest first, page by page, without a gap or a double', async () => {
    for (const n of [1, 2, 3, 4, 5]) await app.admin.post('/admin/tenants', { name: `Paged ${n}` });
    const slugs: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { body: { data: { slug: string }[]; next_cursor: string | null } } = await app.admin.get(
        `/admin/tenants?limit=2${cursor && `&cursor=${cursor}`}`,
      );
      slugs.push(...page.body.data.map(({ slug }) => slug));
      cursor = page.body.next_cursor;
    }
    expect(slugs.slice(0, 5)).toEqual(['paged-5', 'paged-4', 'paged-3', 'paged-2', 'paged-1']);
    expect(new Set(slugs).size).toBe(slugs.length);
  });

  it('are found by id and by slug, and nowhere else', async () => {
    const { body: made } = await app.admin.post<{ id: string; slug: string }>('/admin/tenants', { name: 'Found' });
    for (const key of [made.id, 'found']) expect(await app.admin.get(`/admin/tenants/${key}`)).toMatchObject({ status: 200, body: made });
    for (const key of ['01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f', 'fou', 'Found', "'%20or%201=1"]) {
      const { status, body } = await app.admin.get<Problem>(`/admin/tenants/${key}`);
      expect([status, body.code]).toEqual([404, 'not_found']);
    }
  });

  it('are nobody’s business but a platform admin’s', async () => {
    const { api, id } = await app.tenant('Curious');
    expect((await api.get('/admin/tenants')).status).toBe(403);
    expect((await api.get(`/admin/tenants/${id}`)).status).toBe(403);
    expect((await api.post('/admin/tenants', { name: 'Mine' })).status).toBe(403);
  });
});

describe('an API key', () => {
  it('is shown once, works, says who it is, and stops working when it is revoked', async () => {
    const { api, id } = await app.tenant('Keys');
    const created = await api.post<{ id: string; key: string }>('/admin/api-keys', { name: 'Terraform', role: 'viewer' });
    expect(created.status).toBe(201);
    const viewer = api.as({ key: created.body.key });
    expect((await viewer.get('/me')).body).toEqual({ id: created.body.id, name: 'Terraform', role: 'viewer', scopes: [], site_labels: {}, tenant_id: id });

    const listed = await api.get<{ data: object[] }>('/admin/api-keys');
    expect(JSON.stringify(listed.body)).not.toContain(parseApiKey(created.body.key)!.secret.reveal());
    expect(listed.body.data).toContainEqual(expect.objectContaining({ id: created.body.id, last_used_at: expect.any(String) }));

    expect((await api.delete(`/admin/api-keys/${created.body.id}`)).status).toBe(204);
    expect((await viewer.get('/me')).status).toBe(401);
  });

  it('is no other tenant’s to revoke', async () => {
    const { api, id } = await app.tenant('Owner');
    const { api: stranger } = await app.tenant('Stranger');
    const { body: key } = await api.post<{ id: string; key: string }>('/admin/api-keys', { name: 'x', role: 'viewer' });
    const { status, body } = await stranger.delete<Problem>(`/admin/api-keys/${key.id}`);
    expect([status, body.code]).toEqual([404, 'not_found']);
    expect((await api.as({ key: key.key }).get('/me')).body).toMatchObject({ tenant_id: id });
  });

  it('stops working when it expires, and cannot have expired before it is made', async () => {
    const { api } = await app.tenant('Brief');
    const past = await api.post<Problem>('/admin/api-keys', { name: 'x', role: 'viewer', expires_at: '2020-01-01T00:00:00Z' });
    expect([past.status, past.body.errors?.[0]?.pointer]).toEqual([422, '/expires_at']);

    const { body } = await api.post<{ id: string; key: string }>('/admin/api-keys', { name: 'x', role: 'viewer', expires_at: '2099-01-01T00:00:00Z' });
    await app.database.database.em('platform').execute(`update api_keys set expires_at = now() - interval '1 second' where id = ?`, [body.id]);
    expect((await api.as({ key: body.key }).get('/me')).status).toBe(401);
  });

  it('cannot make a platform admin, nor be made by one who is no admin', async () => {
    const { api, slug } = await app.tenant('Climbers');
    expect((await api.post('/admin/api-keys', { name: 'x', role: 'platform_admin' })).status).toBe(422);
    const operator = await app.keyOf(slug, 'operator');
    expect((await operator.post('/admin/api-keys', { name: 'x', role: 'viewer' })).status).toBe(403);
  });

  it.each([
    ['none', undefined],
    ['a word', 'Bearer hello'],
    ['another scheme', 'Basic c3I6c3I='],
    ['a key that was never made', `Bearer sr_0123456789abcdef_${systemRandom(32).toString('base64url')}`],
    ['the admin’s key with another secret', `Bearer sr_testadmin_${new Secret('z'.repeat(43)).reveal()}`],
  ])('is refused when it is %s', async (_what, authorization) => {
    const anonymous = app.admin.as({});
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const { status, body } = await anonymous.call<Problem>('GET', '/me', { headers });
    expect([status, body.code]).toEqual([401, 'unauthenticated']);
  });

  it('acts in its own tenant only, whatever X-Tenant says', async () => {
    const one = await app.tenant('One');
    const two = await app.tenant('Two');
    const named = (tenant: string) => app.admin.as({ ...one.api.credentials, tenant }).get('/admin/edge-sites');
    expect((await named(one.slug)).status).toBe(200);
    expect((await named(one.id)).status).toBe(200);
    expect((await named(two.slug)).status).toBe(404);
    expect((await named('nobody')).status).toBe(404);
  });
});

describe('a platform admin’s key', () => {
  it('is listed and revoked without naming a tenant, but not by itself', async () => {
    const { data } = (await app.admin.get<{ data: { id: string; role: string }[] }>('/admin/api-keys')).body;
    expect(data).toEqual([expect.objectContaining({ role: 'platform_admin' })]);
    expect((await app.admin.delete(`/admin/api-keys/${data[0]!.id}`)).status).toBe(409);
    expect((await app.admin.get('/me')).status).toBe(200);
  });

  it.each(['2027-W01', '2027-100', '20271124', '2027-11-24T10'])('expires at a time that is one: not %s', async (expires_at) => {
    const { api } = await app.tenant(`Times ${expires_at}`);
    const { status, body } = await api.post<Problem>('/admin/api-keys', { name: 'x', role: 'viewer', expires_at });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, '/expires_at']);
  });
});
