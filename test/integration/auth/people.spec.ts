import { SignJWT, UnsecuredJWT } from 'jose';
import { type Answer, type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { CreatedApiKeyDto, MeDto } from '../../../src/api-keys/dto/api-key.dto.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { newKey, TestIssuer } from '../../support/issuer.js';
import { readOpenApi } from '../../support/openapi.js';

interface Problem {
  code: string;
  detail: string;
}

let app: TestApp;
let issuer: TestIssuer;
let acme: { id: string; slug: string; api: Api };
let globex: { id: string; slug: string; api: Api };
beforeAll(async () => {
  issuer = await TestIssuer.reserve();
  await issuer.start();
  app = await startTestApp({ ROLES: 'api', ...issuer.env });
  acme = await app.tenant('Acme');
  globex = await app.tenant('Globex');
  await until('the issuer’s keys are known', async () => (await asPerson(await issuer.token(ADMIN())).get('/me')).status === 200);
});
afterAll(async () => {
  await app.close();
  await issuer.stop();
});

const claimsOf = (group: string, tenant?: unknown) => ({ realm_access: { roles: ['offline_access', group] }, ...(tenant !== undefined && { tenant }) });
const ADMIN = () => claimsOf('edge-admins', acme.slug);
const asPerson = (key: string, tenant?: string) => app.admin.as({ key, ...(tenant !== undefined && { tenant }) });
/** Each is another person: an attempt of the same one is written down once a minute. */
let people = 0;
const forged = (claims: object) => issuer.forge({ sub: `person-${(people += 1)}`, ...claims });

async function rowsOf(api: Api, { headers }: Answer<unknown>): Promise<AuditEventDto[]> {
  const { data } = await ok(api.get<{ data: AuditEventDto[] }>('/admin/audit-events?limit=100'));
  return data.filter(({ request_id }) => request_id === headers.get('x-request-id'));
}

describe('a person who signed in', () => {
  const login = `a"b $(touch x) \`id\` '; rm %n`;
  let person: Api;
  let tokens: Awaited<ReturnType<TestIssuer['signIn']>>;
  beforeAll(async () => {
    tokens = await issuer.signIn(login, { ...ADMIN(), name: 'Erika "E" Mustermann 🦊' });
    person = asPerson(tokens.access_token);
  });

  it('is who the issuer says, with role and tenant', async () => {
    expect(await ok(person.get('/me'))).toEqual({ id: login, name: 'Erika "E" Mustermann 🦊', role: 'admin', tenant_id: acme.id, scopes: [], site_labels: {} });
  });

  it('stands in the audit trail for what it does, and can be asked for', async () => {
    const answer = await person.post<CreatedApiKeyDto>('/admin/api-keys', { name: 'made by a person', role: 'viewer' });
    expect(await rowsOf(acme.api, answer)).toMatchObject([{ actor: `user:${login}`, action: 'api_key.create', outcome: 'done', subject_id: answer.body.id }]);
    const query = new URLSearchParams({ actor: `user:${login}` });
    const { data } = await ok(person.get<{ data: AuditEventDto[] }>(`/admin/audit-events?${query}`));
    expect(data.map(({ action }) => action)).toEqual(['api_key.create']);
  });

  it('stands there for what it may not do, too', async () => {
    const answer = await person.post<Problem>('/admin/tenants', { name: 'x' });
    expect(answer.status).toBe(403);
    expect(await rowsOf(acme.api, answer)).toMatchObject([{ actor: `user:${login}`, action: 'tenant.create', outcome: 'refused' }]);
  });

  it('is not let in with the ID token, which is for the client', async () => {
    const { status, body } = await asPerson(tokens.id_token).get<Problem>('/me');
    expect([status, body.detail]).toEqual([401, `This access token is not meant for this API: its claim "aud" must hold "${issuer.audience}".`]);
  });

  it('may revoke any key, whatever it is called itself', async () => {
    const { id } = await ok(acme.api.post<CreatedApiKeyDto>('/admin/api-keys', { name: 'to be revoked', role: 'viewer' }));
    const namesake = asPerson(await issuer.forge({ sub: id, ...ADMIN() }));
    expect((await namesake.delete(`/admin/api-keys/${id}`)).status).toBe(204);
  });
});

/** Of nobody's things, and with a body that says nothing: what is answered depends on who asks, and nothing is changed. */
const { paths, components } = readOpenApi();
const asked = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { operationId, security, requestBody }]) => {
    const body = requestBody?.content['application/json']?.schema?.$ref?.split('/').at(-1);
    const required = (body === undefined ? undefined : components.schemas[body]) as { required?: string[] } | undefined;
    const isHarmless = method === 'get' || path.includes('{') || (required?.required ?? []).length > 0;
    const target = path.replace(/^\/api/, '').replace(/\{\w+\}/g, '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f');
    return security?.length !== 0 && isHarmless ? [{ operationId, method: method.toUpperCase(), target }] : [];
  }),
);

describe('a person of each role', () => {
  const roles = ['viewer', 'operator', 'admin', 'platform_admin'] as const;
  const GROUPS = { viewer: 'edge-viewers', operator: 'edge-operators', admin: 'edge-admins', platform_admin: 'edge-platform' };
  let persons: Record<string, Api>;
  let keys: Record<string, Api>;
  beforeAll(async () => {
    persons = {};
    keys = { platform_admin: app.admin };
    for (const role of roles) {
      persons[role] = asPerson(await issuer.token(claimsOf(GROUPS[role], role === 'platform_admin' ? undefined : acme.slug)));
      keys[role] ??= await app.keyOf(acme.slug, role);
    }
  });

  it('is asked about most operations, reading and changing ones', () => {
    const ids = asked.map(({ operationId }) => operationId);
    expect(ids).toEqual(expect.arrayContaining(['getMe', 'createTenant', 'listEdgeSites', 'createEdgeSite', 'deleteEdgeSite', 'createApiKey', 'listAuditEvents', 'getNatsOperator']));
    expect(ids.length).toBeGreaterThan(40);
  });

  it.each(asked)('is answered by $operationId as an API key of the role is', async ({ method, target }) => {
    const answersOf = (api: Record<string, Api>) =>
      Promise.all(
        [...roles.map((role) => api[role]!), ...roles.map((role) => api[role]!.as({ ...api[role]!.credentials, tenant: globex.slug }))].map(async (one) => {
          const { status, body } = await one.call<{ code?: string; role?: string; tenant_id?: string }>(method, target, method === 'GET' ? {} : { body: {} });
          return [status, body.code, body.role, body.tenant_id];
        }),
      );
    expect(await answersOf(persons)).toEqual(await answersOf(keys));
  });

  it('is the role that it should be', async () => {
    for (const role of roles) expect((await ok(persons[role]!.get<MeDto>('/me'))).role).toBe(role);
  });

  it('acts as a platform admin in a tenant by naming it, and the tenant can read of it', async () => {
    const { credentials } = persons.platform_admin!;
    const answer = await app.admin.as({ ...credentials, tenant: globex.slug }).post<EdgeSiteDto>('/admin/edge-sites', { name: 'made by a platform admin' });
    expect(answer.status).toBe(201);
    expect(await rowsOf(globex.api, answer)).toMatchObject([{ actor: 'user:console', action: 'edge_site.create', subject_id: answer.body.id }]);
  });
});

describe('a person of a tenant', () => {
  it.each(['slug', 'id'] as const)('may name it by its %s, in the token and in X-Tenant', async (form) => {
    const key = await forged(claimsOf('edge-viewers', acme[form]));
    for (const tenant of [undefined, acme.slug, acme.id]) expect((await ok(asPerson(key, tenant).get<MeDto>('/me'))).tenant_id).toBe(acme.id);
  });

  it('is found beside whatever else the claim holds', async () => {
    const odd = ['\u0000', '\ud800', '%', `'; drop table tenants`, 'x'.repeat(3000)];
    const found = await asPerson(await forged(claimsOf('edge-viewers', [...odd, acme.slug]))).get<MeDto>('/me');
    expect([found.status, found.body.tenant_id]).toEqual([200, acme.id]);
    const lost = await asPerson(await forged(claimsOf('edge-viewers', odd))).get<Problem>('/me');
    expect([lost.status, lost.body.detail]).toEqual([403, expect.stringMatching(/^There is no tenant .{1,100}, which your access token names as yours\.$/)]);
  });

  it('does not get into another’s, and its own can read of the attempt', async () => {
    const person = asPerson(await forged(ADMIN()), globex.slug);
    const answer = await person.get<Problem>('/admin/edge-sites');
    const nobodys = await asPerson(await forged(ADMIN()), 'initech').get<Problem>('/admin/edge-sites');
    expect([answer.status, answer.body.detail]).toEqual([404, 'The tenant named in X-Tenant does not exist.']);
    expect([nobodys.status, nobodys.body.detail]).toEqual([404, 'The tenant named in X-Tenant does not exist.']);
    expect(await rowsOf(acme.api, answer)).toMatchObject([
      { actor: `user:person-${people - 1}`, action: 'user.authenticate', outcome: 'refused', subject_type: 'user', subject_id: null, detail: { reason: 'foreign_tenant' } },
    ]);
    expect(await rowsOf(globex.api, answer)).toEqual([]);
  });

  it('who has several says which, and is told which there are', async () => {
    const key = await forged(claimsOf('edge-admins', [globex.slug, 'initech', acme.id]));
    for (const path of ['/me', '/admin/edge-sites', '/admin/api-keys', '/admin/tenants']) {
      const { status, body } = await asPerson(key).get<Problem>(path);
      expect([status, body.code]).toEqual([400, 'tenant_required']);
      expect(body.detail).toContain('(acme, globex)');
    }
    for (const { slug, id } of [acme, globex]) expect((await ok(asPerson(key, slug).get<MeDto>('/me'))).tenant_id).toBe(id);
  });
});

describe('a person whom the issuer lets in and this service does not', () => {
  it.each<[string, () => object, string, RegExp]>([
    ['has no role', () => claimsOf('offline_access', acme.slug), 'no_role', /"realm_access.roles" holds no value/],
    ['has no tenant', () => claimsOf('edge-admins'), 'no_tenant', /"tenant" must hold the slug or id/],
    ['has a tenant that is not there', () => claimsOf('edge-admins', 'initech'), 'unknown_tenant', /There is no tenant "initech"/],
    ['is a platform admin and of a tenant', () => claimsOf('edge-platform', acme.slug), 'platform_admin_of_tenant', /belongs to none/],
  ])('is told why, and is in the audit trail once a minute, when it %s', async (_what, claims, reason, message) => {
    const person = asPerson(await forged(claims()));
    const answers = [await person.get<Problem>('/me'), await person.get<Problem>('/admin/edge-sites')];
    for (const { status, body } of answers) expect([status, body.code, body.detail]).toEqual([403, 'forbidden', expect.stringMatching(message)]);
    expect(await rowsOf(app.admin, answers[0]!)).toMatchObject([{ actor: `user:person-${people}`, action: 'user.authenticate', outcome: 'refused', detail: { reason } }]);
    expect(await rowsOf(app.admin, answers[1]!)).toEqual([]);
  });

  it.each<[string, () => Promise<string>, string]>([
    ['has expired', () => forged({ ...ADMIN(), exp: Math.floor(Date.now() / 1000) - 60 }), 'expired'],
    ['names another issuer', () => forged({ ...ADMIN(), iss: 'https://evil.example' }), 'wrong_claims'],
    ['is for another API', () => forged({ ...ADMIN(), aud: 'https://other.example/api' }), 'wrong_audience'],
  ])('is not let in with a token that %s', async (_what, token, reason) => {
    const answer = await asPerson(await token()).get<Problem>('/me');
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await rowsOf(app.admin, answer)).toMatchObject([{ action: 'user.authenticate', detail: { reason } }]);
  });
});

describe('a token that the issuer made for another API', () => {
  it('lets nobody in', async () => {
    const { status, body } = await asPerson(await issuer.token(ADMIN(), 'https://other.example/api')).get<Problem>('/me');
    expect([status, body.detail]).toEqual([401, expect.stringContaining('is not meant for this API')]);
  });
});

describe('a token that the issuer has not signed', () => {
  const payload = () => ({ iss: issuer.url, aud: issuer.audience, sub: 'mallory', exp: Math.floor(Date.now() / 1000) + 300, ...ADMIN() });
  it.each<[string, () => Promise<string> | string]>([
    ['with no algorithm', () => new UnsecuredJWT(payload()).encode()],
    ['by HMAC with its public key', () => new SignJWT(payload()).setProtectedHeader({ alg: 'HS256', kid: issuer.key.kid }).sign(new TextEncoder().encode(issuer.key.publicPem))],
    ['by a key of another, under the id of its own', async () => issuer.forge(payload(), {}, await newKey('RS256', issuer.key.kid))],
    ['by a key that it does not have', async () => issuer.forge(payload(), {}, await newKey('ES256', 'made-up'))],
    ['with another payload', async () => (await issuer.token(ADMIN())).replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify(payload())).toString('base64url')}.`)],
  ])('lets nobody in, and leaves no row of whom it names: %s', async (_what, token) => {
    const answer = await asPerson(await token()).get<Problem>('/me');
    expect([answer.status, answer.body.detail]).toEqual([401, expect.stringContaining(`no access token that ${issuer.url} has signed`)]);
    expect(await rowsOf(app.admin, answer)).toEqual([]);
  });
});
