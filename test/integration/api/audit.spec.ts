import { type Answer, type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { CreatedApiKeyDto, MeDto } from '../../../src/api-keys/dto/api-key.dto.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { parseApiKey } from '../../../src/platform/auth/index.js';
import type { TenantDto } from '../../../src/tenants/dto/tenant.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Identified {
  id: string;
}

/** What a call changed: the answer names the request, and the id is that of what it was done to. */
interface Deed {
  answer: Answer<unknown>;
  subjectId: string;
  /** When it is not the key of the tenant's administrator. */
  actor?: string | RegExp;
}

let app: TestApp;
let tenant: { id: string; slug: string; api: Api };
let site: EdgeSiteDto;
let actor: string;
let platformActor: string;

const keyOf = async (api: Api) => `api_key:${(await ok(api.get<MeDto>('/me'))).id}`;
const createSite = (name: string) => tenant.api.post<EdgeSiteDto>('/admin/edge-sites', { name });
const createKey = (name: string) => tenant.api.post<CreatedApiKeyDto>('/admin/api-keys', { name, role: 'viewer' });
const createUser = () => tenant.api.post<Identified>('/admin/nats/credentials', { name: 'debugging', subscribe: ['logs.>'], expires_in: 60 });
const createToken = () => tenant.api.post<DownloadTokenDto>(`/admin/edge-sites/${site.id}/download-tokens`);

const provisioned = (id: string) =>
  until('the leaf is provisioned', async () => {
    const { body } = await tenant.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`);
    return body.leaf_server.status === 'provisioned' && body;
  });

beforeAll(async () => {
  app = await startTestApp();
  tenant = await app.tenant('Acme');
  actor = await keyOf(tenant.api);
  platformActor = await keyOf(app.admin);
  site = await provisioned((await ok(createSite('x'))).id);
});
afterAll(() => app.close());

const created = (answer: Answer<Identified>): Deed => ({ answer, subjectId: answer.body.id });

const DEEDS: [string, string, () => Promise<Deed>][] = [
  ['api_key.create', 'api_key', async () => created(await createKey('one'))],
  [
    'api_key.revoke',
    'api_key',
    async () => {
      const { id } = await ok(createKey('two'));
      return { answer: await tenant.api.delete(`/admin/api-keys/${id}`), subjectId: id };
    },
  ],
  ['edge_site.create', 'edge_site', async () => created(await createSite('y'))],
  [
    'edge_site.update',
    'edge_site',
    async () => created(await tenant.api.patch<EdgeSiteDto>(`/admin/edge-sites/${site.id}`, { labels: { a: 'b' } })),
  ],
  [
    'edge_site.delete',
    'edge_site',
    async () => {
      const { id } = await ok(createSite('z'));
      return { answer: await tenant.api.delete(`/admin/edge-sites/${id}`), subjectId: id };
    },
  ],
  ['download_token.create', 'edge_site', async () => ({ answer: await createToken(), subjectId: site.id })],
  [
    'edge_site_bundle.download',
    'edge_site',
    async () => ({ answer: await tenant.api.get(`/admin/edge-sites/${site.id}/bundle`), subjectId: site.id }),
  ],
  [
    'edge_site_bundle.download',
    'edge_site',
    async () => {
      const { token } = await ok(createToken());
      const headers = { 'x-serviceradar-download-token': token };
      const answer = await app.admin.as({}).call('POST', `/edge-sites/${site.id}/bundle`, { headers });
      return { answer, subjectId: site.id, actor: /^download_token:[0-9a-f-]{36}$/ };
    },
  ],
  [
    'nats_leaf_server.regenerate',
    'edge_site',
    async () => ({ answer: await tenant.api.post(`/admin/edge-sites/${site.id}/leaf-server/regenerate`), subjectId: site.id }),
  ],
  [
    'nats_leaf_server.revoke_previous',
    'edge_site',
    async () => {
      await provisioned(site.id);
      return { answer: await tenant.api.post(`/admin/edge-sites/${site.id}/leaf-server/revoke-previous`), subjectId: site.id };
    },
  ],
  ['nats_user.create', 'nats_user', async () => created(await createUser())],
  [
    'nats_user.revoke',
    'nats_user',
    async () => {
      const { id } = await ok(createUser());
      return { answer: await tenant.api.post(`/admin/nats/credentials/${id}/revoke`), subjectId: id };
    },
  ],
];

/** The rows that one request left. */
async function rowsOf(api: Api, { headers }: Answer<unknown>): Promise<AuditEventDto[]> {
  const { data } = await ok(api.get<{ data: AuditEventDto[] }>('/admin/audit-events?limit=100'));
  return data.filter(({ request_id }) => request_id === headers.get('x-request-id'));
}

const matching = (actor: string | RegExp): unknown => (typeof actor === 'string' ? actor : expect.stringMatching(actor));

describe('the audit log', () => {
  it.each(DEEDS)('says of %s (%s) who did it, to what, with which request', async (action, subject, call) => {
    const deed = await call();
    expect(deed.answer.status).toBeLessThan(300);
    const rows = (await rowsOf(tenant.api, deed.answer)).filter((row) => row.action === action);
    expect(rows).toEqual([
      expect.objectContaining({
        actor: matching(deed.actor ?? actor),
        subject_type: subject,
        subject_id: deed.subjectId,
        request_id: expect.any(String),
        source_address: '127.0.0.1',
      }),
    ]);
  });

  it('of the platform says who created a tenant', async () => {
    const answer = await app.admin.post<TenantDto>('/admin/tenants', { name: 'Globex' });
    const [row] = await rowsOf(app.admin, answer);
    expect(row).toMatchObject({ action: 'tenant.create', actor: platformActor, subject_type: 'tenant', subject_id: answer.body.id });
  });

  it('says nothing of what did not come about for another reason than who asked', async () => {
    const refused = await createSite('x');
    expect(refused.status).toBe(409);
    expect(await rowsOf(tenant.api, refused)).toEqual([]);
  });

  it('says who was refused what for want of the right', async () => {
    const viewer = await app.keyOf(tenant.slug, 'viewer');
    const refused = await viewer.delete(`/admin/edge-sites/${site.id}`);
    expect(refused.status).toBe(403);
    expect(await rowsOf(tenant.api, refused)).toEqual([
      expect.objectContaining({
        actor: await keyOf(viewer),
        action: 'edge_site.delete',
        outcome: 'refused',
        subject_type: 'edge_site',
        subject_id: site.id,
        source_address: '127.0.0.1',
        detail: { code: 'forbidden', method: 'DELETE', route: '/api/admin/edge-sites/:id' },
      }),
    ]);
    expect(await rowsOf(tenant.api, await tenant.api.post('/admin/tenants', { name: 'x' }))).toMatchObject([{ action: 'tenant.create', outcome: 'refused' }]);
  });

  it.each<[string, (made: CreatedApiKeyDto) => Promise<{ key: string; tenant?: string }>]>([
    ['wrong_secret', async ({ key }) => ({ key: `sr_${parseApiKey(key)!.keyId}_${'x'.repeat(43)}` })],
    ['revoked', async ({ id, key }) => (await tenant.api.delete(`/admin/api-keys/${id}`), { key })],
    ['foreign_tenant', async ({ key }) => ({ key, tenant: (await app.tenant('Foreign')).slug })],
  ])('says once in a minute that somebody did not get in with a key: %s', async (reason, credentials) => {
    const made = await ok(createKey(reason));
    const intruder = tenant.api.as(await credentials(made));
    const answers = [await intruder.get('/me'), await intruder.get('/me')];
    for (const { status } of answers) expect([401, 404]).toContain(status);
    const detail = expect.objectContaining({ reason }) as unknown;
    const row = { actor: `api_key:${made.id}`, action: 'api_key.authenticate', outcome: 'refused', subject_id: made.id, detail };
    expect(await rowsOf(tenant.api, answers[0]!)).toMatchObject([row]);
    expect(await rowsOf(tenant.api, answers[1]!)).toEqual([]);
  });

  it('says nothing of keys that nobody has', async () => {
    const refused = await tenant.api.as({ key: `sr_nobodyhasit_${'x'.repeat(43)}` }).get('/me');
    expect(refused.status).toBe(401);
    expect(await rowsOf(tenant.api, refused)).toEqual([]);
    expect(await rowsOf(app.admin, refused)).toEqual([]);
  });

  it('shows what is asked for only', async () => {
    const before = new Date(Date.now() - 60_000).toISOString();
    const { id } = await ok(createSite('asked for'));
    const find = async (query: Record<string, string>) =>
      (await ok(tenant.api.get<{ data: AuditEventDto[] }>(`/admin/audit-events?${new URLSearchParams({ limit: '200', ...query }).toString()}`))).data;
    const all = await find({});
    expect((await find({ subject_id: id, action: 'edge_site.create' })).map(({ subject_id }) => subject_id)).toEqual([id]);
    const asked: [Record<string, string>, (event: AuditEventDto) => boolean][] = [
      [{ actor }, (event) => event.actor === actor],
      [{ action: 'edge_site.create' }, (event) => event.action === 'edge_site.create'],
      [{ subject_type: 'api_key' }, (event) => event.subject_type === 'api_key'],
      [{ outcome: 'refused' }, (event) => event.outcome === 'refused'],
      [{ outcome: 'done', subject_type: 'api_key' }, (event) => event.outcome === 'done' && event.subject_type === 'api_key'],
    ];
    for (const [query, matches] of asked) {
      const found = await find(query);
      expect(found.length).toBeGreaterThan(0);
      expect(found.length).toBeLessThan(all.length);
      expect(found.filter((event) => !matches(event))).toEqual([]);
    }
    expect((await find({ since: before, subject_id: id })).map(({ subject_id }) => subject_id)).toContain(id);
    expect(await find({ until: before, subject_id: id })).toEqual([]);
  });

  it.each(['since=yesterday', 'since=2026-11-24T00:00:00', 'until=', 'outcome=x', 'subject_id=x', 'actor=a&actor=b', 'what=x'])('does not take %s', async (query) => {
    expect((await tenant.api.get(`/admin/audit-events?${query}`)).status).toBe(422);
  });

  it('is shown to its own tenant only', async () => {
    const stranger = await app.tenant('Stranger');
    const deed = await createSite('seen by nobody else');
    const foreign = { ...stranger.api.credentials, tenant: tenant.slug };
    expect((await stranger.api.as(foreign).get('/admin/audit-events')).status).toBe(404);
    expect(await rowsOf(stranger.api, deed)).toEqual([]);
    expect(await rowsOf(tenant.api, deed)).not.toEqual([]);
  });

  it('repeats no secret', async () => {
    const key = await ok(createKey('secret'));
    const { token } = await ok(createToken());
    const { creds } = (await createUser()).body as unknown as { creds: string };
    const log = JSON.stringify(await ok(tenant.api.get('/admin/audit-events?limit=100')));
    const seed = /SU[A-Z0-9]{56}/.exec(creds)![0];
    for (const secret of [parseApiKey(key.key)!.secret.reveal(), token, seed]) expect(log).not.toContain(secret);
  });
});
