import { type Answer, type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import { EdgeSitesService } from '../../../src/edge-sites/index.js';
import { Caller } from '../../../src/platform/auth/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { fingerprintOf, IdempotencyKeys, IdempotencySweep } from '../../../src/platform/idempotency/index.js';
import type { ProblemDto } from '../../../src/platform/problem/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { readOpenApi } from '../../support/openapi.js';

interface Made {
  id: string;
  name: string;
}

let app: TestApp;
let tenant: { id: string; slug: string; api: Api };
let rolling: Api;
let number = 0;
/** A key that no other test has. */
const newKey = () => `test-${++number}`;

beforeAll(async () => {
  app = await startTestApp();
  tenant = await app.tenant('Acme');
  rolling = (await app.tenant('Rolling')).api;
});
afterAll(() => app.close());

const post = <T = Made>(key: string, path: string, body: unknown = {}, api = tenant.api) =>
  api.call<T>('POST', path, { body, headers: { 'idempotency-key': key } });
const createSite = (key: string, name: string, api?: Api) => post(key, '/admin/edge-sites', { name }, api);
const refusal = ({ status, body }: Answer<unknown>) => [status, (body as ProblemDto).code];
const replayed = ({ headers }: Answer<unknown>) => headers.get('idempotent-replayed');
const execute = <Row = unknown>(sql: string, values: unknown[] = []) => app.database.database.em(PLATFORM).execute<Row[]>(sql, values);
const sitesNamed = async (name: string) => (await ok(tenant.api.get<{ data: Made[] }>(`/admin/edge-sites?name=${name}`))).data.length;
const rowOf = async (key: string) => (await execute<Record<string, unknown>>('select * from idempotency_keys where key = ?', [key]))[0];

describe('a call that creates', () => {
  it('is done once, and answered the same, when it comes twice with one Idempotency-Key', async () => {
    const key = newKey();
    const [first, second] = [await createSite(key, 'Twice'), await createSite(key, 'Twice')];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect([replayed(first), replayed(second)]).toEqual([null, 'true']);
    expect(await sitesNamed('Twice')).toBe(1);
  });

  it('is the same call whatever the order of its fields', async () => {
    const key = newKey();
    const { body } = await post(key, '/admin/edge-sites', { name: 'Ordered', labels: { a: '1', b: '2' } });
    expect((await post(key, '/admin/edge-sites', { labels: { b: '2', a: '1' }, name: 'Ordered' })).body).toEqual(body);
  });

  it('is done once when many come at the same time: the others are answered the same, or told to wait', async () => {
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 12 }, () => createSite(key, 'Together')));
    const made = answers.filter(({ status }) => status === 201);
    const waiting = answers.filter(({ status }) => status !== 201);
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
    for (const answer of waiting) expect([...refusal(answer), answer.headers.get('retry-after')]).toEqual([409, 'request_in_progress', '1']);
    expect(await sitesNamed('Together')).toBe(1);
    expect(replayed(await createSite(key, 'Together'))).toBe('true');
  });

  it('is refused with 422 when its key came with another body, or for another thing, before', async () => {
    const key = newKey();
    const { id } = (await createSite(key, 'One')).body;
    expect(refusal(await createSite(key, 'Two'))).toEqual([422, 'idempotency_key_reused']);
    const other = (await createSite(newKey(), 'Other')).body;
    const ofToken = newKey();
    expect((await post(ofToken, `/admin/edge-sites/${id}/download-tokens`)).status).toBe(201);
    expect(refusal(await post(ofToken, `/admin/edge-sites/${other.id}/download-tokens`))).toEqual([422, 'idempotency_key_reused']);
  });

  it('shares its key with no other operation, no other principal and no other tenant', async () => {
    const key = newKey();
    const mine = await createSite(key, 'Mine');
    const colleague = await app.keyOf(tenant.slug, 'admin');
    const theirs = await app.tenant('Globex');
    const asPlatform = app.admin.as({ ...app.admin.credentials, tenant: tenant.slug });
    const inOther = app.admin.as({ ...app.admin.credentials, tenant: theirs.slug });
    const others = [
      await post(key, `/admin/edge-sites/${mine.body.id}/download-tokens`),
      await createSite(key, 'Hers', colleague),
      await createSite(key, 'Theirs', theirs.api),
      await createSite(key, 'By the platform', asPlatform),
      await createSite(key, 'By the platform', inOther),
    ];
    expect(others.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    expect(others.map(replayed)).toEqual([null, null, null, null, null]);
  });

  it.each([
    ['is empty', ''],
    ['has 256 characters', 'k'.repeat(256)],
    ['has one that is not ASCII', 'clé'],
    ['has a tab', 'a\tb'],
  ])('is refused with 422 when its key %s', async (_what, key) => {
    const answer = await createSite(key, 'Never');
    expect(refusal(answer)).toEqual([422, 'validation_failed']);
    expect(await sitesNamed('Never')).toBe(0);
  });

  it.each(['k'.repeat(255), `"8e03978e"`, `'; drop table idempotency_keys; --`, 'a ? b $1 %n'])('takes the key %s as data', async (key) => {
    expect((await post(key, '/admin/api-keys', { name: 'any', role: 'viewer' })).status).toBe(201);
    expect((await rowOf(key))?.key).toBe(key);
  });

  it('may be corrected and come again with its key when it was refused', async () => {
    const key = newKey();
    expect(refusal(await createSite(key, ''))).toEqual([422, 'validation_failed']);
    expect(await rowOf(key)).toBeUndefined();
    expect((await createSite(key, 'Corrected')).status).toBe(201);
  });

  it('is done each time without a key', async () => {
    const body = { name: 'key', role: 'viewer' };
    const ids = [await ok(tenant.api.post<Made>('/admin/api-keys', body)), await ok(tenant.api.post<Made>('/admin/api-keys', body))].map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
  });
});

describe('a process that was killed', () => {
  /** What it had claimed for the call that creates a site of this name. */
  async function claimedBy(key: string, name: string) {
    const { actor, id, role } = await principal();
    const caller = new Caller({ actor, id, name: 'killed', role, tenantId: tenant.id }, { requestId: null, sourceAddress: null });
    const url = '/api/admin/edge-sites';
    const asked = { key, operation: `POST ${url}`, fingerprint: fingerprintOf({ method: 'POST', url, body: { name } }) };
    const claim = (await app.service.app.get(IdempotencyKeys).claim(caller, asked)) as { id: string };
    return caller.claiming({ id: claim.id, action: 'edge_site.create' });
  }
  const principal = async () => {
    const { id } = await ok(tenant.api.get<{ id: string }>('/me'));
    return { actor: `api_key:${id}`, id, role: 'admin' as const };
  };
  const lapse = (key: string) => execute(`update idempotency_keys set claimed_until = now() - interval '1 second' where key = ?`, [key]);
  const input = (name: string) => ({ name, natsLeafUrl: null, labels: {}, serverSans: [] });

  it('before anything was done keeps its key for a minute, and no longer', async () => {
    const key = newKey();
    await claimedBy(key, 'Killed early');
    expect(refusal(await createSite(key, 'Killed early'))).toEqual([409, 'request_in_progress']);
    await lapse(key);
    const answer = await createSite(key, 'Killed early');
    expect([answer.status, replayed(answer)]).toEqual([201, null]);
    expect(await sitesNamed('Killed early')).toBe(1);
  });

  it('and was only frozen does not do it a second time when it goes on', async () => {
    const key = newKey();
    const frozen = await claimedBy(key, 'Frozen');
    await lapse(key);
    expect((await createSite(key, 'Frozen')).status).toBe(201);
    await expect(app.service.app.get(EdgeSitesService).create(frozen, { ...input('Frozen'), slug: 'frozen-again' })).rejects.toThrow(/optimistic lock/i);
    expect(await sitesNamed('Frozen')).toBe(1);
  });

  it('after it was done and before it was answered leaves on record what was done, and it is not done again', async () => {
    const key = newKey();
    const { id } = await app.service.app.get(EdgeSitesService).create(await claimedBy(key, 'Killed late'), input('Killed late')).then(({ site }) => site);
    expect(refusal(await createSite(key, 'Killed late'))).toEqual([409, 'request_in_progress']);
    await lapse(key);
    const answer = await post<ProblemDto>(key, '/admin/edge-sites', { name: 'Killed late' });
    expect([...refusal(answer), answer.body.detail.includes(`edge_site ${id}`)]).toEqual([409, 'answer_lost', true]);
    expect(await sitesNamed('Killed late')).toBe(1);
  });
});

describe('an answer that is kept', () => {
  it('is sealed: nothing of it can be read in the database, and it opens in no other row', async () => {
    const [key, other] = [newKey(), newKey()];
    const secret = (await post<{ key: string }>(key, '/admin/api-keys', { name: 'Secret', role: 'viewer' })).body.key;
    const row = await rowOf(key);
    // What is base64url has underscores of its own.
    expect(JSON.stringify(row)).not.toContain(secret.split('_').slice(2).join('_'));
    expect((await post<{ key: string }>(key, '/admin/api-keys', { name: 'Secret', role: 'viewer' })).body.key).toBe(secret);
    await post(other, '/admin/api-keys', { name: 'Secret', role: 'viewer' });
    await execute('update idempotency_keys set answer_ciphertext = ? where key = ?', [row!.answer_ciphertext, other]);
    expect(refusal(await post(other, '/admin/api-keys', { name: 'Secret', role: 'viewer' }))).toEqual([500, 'internal']);
  });

  it('is kept for 24 hours, then swept away, and its key is as good as new', async () => {
    const [swept, kept] = [newKey(), newKey()];
    for (const key of [swept, kept]) await post(key, '/admin/api-keys', { name: key, role: 'viewer' });
    const [{ hours } = { hours: 0 }] = await execute<{ hours: number }>(
      'select extract(epoch from expires_at - now())::float8 / 3600 as hours from idempotency_keys where key = ?',
      [swept],
    );
    expect(Math.ceil(hours)).toBe(24);
    await execute('update idempotency_keys set expires_at = now() where key = ?', [swept]);
    await app.service.app.get(IdempotencySweep).run();
    expect([await rowOf(swept), (await rowOf(kept))?.key]).toEqual([undefined, kept]);
  });

  it('counts as none when its time is over, before it is swept away', async () => {
    const key = newKey();
    const first = await post(key, '/admin/api-keys', { name: 'Old', role: 'viewer' });
    await execute('update idempotency_keys set expires_at = now() where key = ?', [key]);
    const second = await post(key, '/admin/api-keys', { name: 'Another', role: 'viewer' });
    expect([second.status, second.body.id === first.body.id, replayed(second)]).toEqual([201, false, null]);
  });
});

const creating = Object.entries(readOpenApi().paths).flatMap(([path, methods]) =>
  methods.post && ('201' in methods.post.responses || '202' in methods.post.responses) ? [{ path, operation: methods.post }] : [],
);

describe('each operation that creates', () => {
  const PATHS: Record<string, () => Promise<string>> = {
    '{site}': async () => {
      const { id } = await ok(tenant.api.post<Made>('/admin/edge-sites', { name: newKey() }));
      await until('the leaf is provisioned', async () => (await ok(tenant.api.get<{ leaf_server: { status: string } }>(`/admin/edge-sites/${id}`))).leaf_server.status === 'provisioned');
      return id;
    },
    '{collector}': async () => {
      const { id } = await ok(tenant.api.post<Made>('/admin/collectors', { collector_type: 'otel' }));
      await until('the package is ready', async () => (await ok(tenant.api.get<{ status: string }>(`/admin/collectors/${id}`))).status === 'ready');
      return id;
    },
    '{failed}': async () => {
      const id = await PATHS['{collector}']!();
      await execute(`update collector_packages set status = 'failed', last_error = 'Made to fail.' where id = ?`, [id]);
      return id;
    },
    '{channel}': async () => (await ok(tenant.api.post<Made>('/admin/alert-channels', { name: 'c', kind: 'nats' }))).id,
    '{component}': async () => (await ok(tenant.api.post<Made>('/admin/edge-packages', await component()))).id,
  };
  const component = async () => ({ label: 'c', component_type: 'agent', component_id: newKey(), edge_site_id: await PATHS['{site}']!() });
  const asTenant = () => tenant.api;
  const asPlatform = () => app.admin;

  const CALLS: Record<string, [path: string, body: () => unknown, api?: () => Api]> = {
    createApiKey: ['/admin/api-keys', () => ({ name: 'a', role: 'viewer' })],
    createTenant: ['/admin/tenants', () => ({ name: newKey() }), asPlatform],
    createEdgeSite: ['/admin/edge-sites', () => ({ name: newKey() })],
    regenerateLeafServer: ['/admin/edge-sites/{site}/leaf-server/regenerate', () => ({})],
    createEdgeSiteDownloadToken: ['/admin/edge-sites/{site}/download-tokens', () => ({})],
    createCollectorPackage: ['/admin/collectors', () => ({ collector_type: 'otel' })],
    renewCollectorPackage: ['/admin/collectors/{collector}/renew', () => ({})],
    retryCollectorPackage: ['/admin/collectors/{failed}/retry', () => ({})],
    createCollectorDownloadToken: ['/admin/collectors/{collector}/download-tokens', () => ({})],
    createOnboardingPackage: ['/admin/edge-packages', component],
    createCheck: ['/admin/checks', async () => ({ name: newKey(), check_type: 'icmp', target: 'plc.local', edge_site_id: await PATHS['{site}']!() })],
    createOnboardingDownloadToken: ['/admin/edge-packages/{component}/download-tokens', () => ({})],
    createNatsCredential: ['/admin/nats/credentials', () => ({ name: 'd', subscribe: ['logs.>'], expires_in: 60 })],
    createAlertRule: ['/admin/alert-rules', () => ({ name: 'a', kind: 'drifted_for', threshold: 60, severity: 'info' })],
    createAlertChannel: ['/admin/alert-channels', () => ({ name: 'a', kind: 'nats' })],
    testAlertChannel: ['/admin/alert-channels/{channel}/test', () => ({})],
    createAlertSilence: ['/admin/alert-silences', () => ({ reason: 'a', until: new Date(Date.now() + 60_000).toISOString() })],
    // Where the other calls are made, it would have leaves provisioned anew at any moment.
    createNextTenantCa: ['/admin/pki/authorities', () => ({}), () => rolling],
    rotateSigningKeys: ['/admin/nats/signing-keys/rotate', () => ({})],
    createNatsOperatorKey: ['/admin/nats/operator/signing-keys', () => ({}), asPlatform],
  };

  it('takes an Idempotency-Key, as openapi.yaml says, and stands in this test', () => {
    const taking = creating.filter(({ operation }) => operation.parameters?.some(({ $ref }) => $ref === '#/components/parameters/IdempotencyKey'));
    expect(creating.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(CALLS).sort());
    expect(taking).toEqual(creating);
  });

  it.each(creating.map(({ operation }) => [operation.operationId]))('%s is done once for a key, and that is noted in its transaction', async (operationId) => {
    const [template, bodyOf, api = asTenant] = CALLS[operationId]!;
    const [placeholder] = /\{\w+\}/.exec(template) ?? [];
    const path = placeholder === undefined ? template : template.replace(placeholder, await PATHS[placeholder]!());
    const [key, body] = [newKey(), await bodyOf()];
    const first = await post<unknown>(key, path, body, api());
    expect([201, 202]).toContain(first.status);
    const row = await rowOf(key);
    expect([row?.done_at, row?.subject_id]).not.toContain(null);
    const second = await post<unknown>(key, path, body, api());
    expect([second.status, second.body, replayed(second)]).toEqual([first.status, first.body, 'true']);
  });
});
