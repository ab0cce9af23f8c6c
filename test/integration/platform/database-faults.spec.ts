import { type Answer, type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { ReadinessDto } from '../../../src/platform/health/index.js';
import { Database, type Scope } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { asWriter, endConnections, recordOf, whenRecording, whileReadOnly } from '../../support/database-faults.js';
import { offences } from '../../support/invariants.js';

interface Problem {
  code: string;
  detail: string;
}

let app: TestApp;
let acme: { id: string; api: Api };
let site: EdgeSiteDto;
let token: string;

/** Nobody works beside the requests: what is on record is their doing. */
beforeAll(async () => {
  app = await startTestApp();
  acme = await app.tenant('Acme');
  const { id } = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg' }));
  site = await until('the leaf is provisioned', async () => {
    const found = await ok(acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`));
    return found.leaf_server.status === 'provisioned' && found;
  });
  await app.restart({ ROLES: 'api' });
});
afterAll(() => app.close());
beforeEach(async () => {
  ({ token } = await ok(acme.api.post<DownloadTokenDto>(`/admin/edge-sites/${site.id}/download-tokens`)));
});

const downloadByToken = (): Promise<Answer<Problem>> =>
  acme.api.as({}).call('POST', `/edge-sites/${site.id}/bundle`, { headers: { 'x-serviceradar-download-token': token } });

let names = 0;
/** What writes, by the action that it leaves on record. */
const DEEDS: [string, () => Promise<Answer<Problem>>][] = [
  ['edge_site.create', () => acme.api.post('/admin/edge-sites', { name: `Site ${++names}` })],
  ['edge_site.update', () => acme.api.patch(`/admin/edge-sites/${site.id}`, { name: `Hamburg ${++names}` })],
  ['download_token.create', () => acme.api.post(`/admin/edge-sites/${site.id}/download-tokens`)],
  ['edge_site_bundle.download', downloadByToken],
  ['edge_site_bundle.download', () => acme.api.get(`/admin/edge-sites/${site.id}/bundle`)],
  ['collector_package.create', () => acme.api.post('/admin/collectors', { collector_type: 'flowgger' })],
  ['nats_user.create', () => acme.api.post('/admin/nats/credentials', { name: 'x', publish: ['x'], expires_in: 60 })],
];

const ready = async () => (await app.admin.as({}).get<ReadinessDto>('/health/ready')).status;

function expectUnavailable({ status, body, headers }: Answer<Problem>, detail: RegExp): void {
  expect([status, body.code, body.detail]).toEqual([503, 'unavailable', expect.stringMatching(detail)]);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(headers.get('content-type')).toMatch('application/problem+json');
}

/** What happens to the connection, or in the transaction, in the middle of it. */
const FAULTS: [string, string, RegExp][] = [
  ['is ended', 'perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60)', /^The database is not available right now/],
  ['takes too long', 'perform pg_cancel_backend(pg_backend_pid()); perform pg_sleep(60)', /^The database takes too long/],
  ['finds the disk full', `execute $copy$ copy (select repeat('x', 100000)) to '/dev/full' $copy$`, /^The database has no room left/],
  ['loses to others again and again', `raise exception 'lost' using errcode = 'deadlock_detected'`, /^Others are changing the same/],
  ['waits for a lock in vain', `set local lock_timeout = 1; lock table platform_cas in access exclusive mode`, /^Others are changing the same/],
];

/** A lock that is waited for is somebody's. */
const whileLocked = (work: () => Promise<unknown>) =>
  app.database.asSuperuser(async (other) => {
    await other.query('begin; lock table platform_cas in access share mode');
    await work();
  });

describe.each(FAULTS)('a transaction that %s', (_what, statement, detail) => {
  it.each(DEEDS)('to do %s (%#) is answered with 503, leaves nothing, and succeeds later', async (action, deed) => {
    const before = await recordOf(app.database);
    await whileLocked(() => whenRecording(app.database, action, statement, async () => expectUnavailable(await deed(), detail)));
    const { nats_users: usersBefore, ...restBefore } = before;
    const { nats_users: users, ...rest } = await recordOf(app.database);
    expect(rest).toEqual(restBefore);
    // What was meant to be signed is on record before it is.
    if (action !== 'nats_user.create') expect(users).toBe(usersBefore);
    expect((await deed()).status).toBeLessThan(300);
    expect(await app.database.asSuperuser(offences)).toEqual([]);
  });
});

describe('a database that takes no changes', () => {
  it('still answers who reads, and nobody else, until it takes them again', async () => {
    const before = await recordOf(app.database);
    await whileReadOnly(app.database, async () => {
      await until('the service has found its way back', async () => (await ready()) === 200);
      for (const [, deed] of DEEDS) expectUnavailable(await deed(), /^The database takes no changes right now/);
      expect((await acme.api.get(`/admin/edge-sites/${site.id}`)).status).toBe(200);
      // Nobody has seen this key yet: when it was used last cannot be written down.
      await asWriter(app.database, 'update api_keys set last_used_at = null');
      expect((await acme.api.get('/admin/edge-sites')).status).toBe(200);
    });
    await until('the service has found its way back', async () => (await ready()) === 200);
    expect(await recordOf(app.database)).toEqual(before);
    for (const [, deed] of DEEDS) expect((await deed()).status).toBeLessThan(300);
  });
});

describe('connections that all end', () => {
  it('are made anew, and nobody is answered with anything but 503 meanwhile', async () => {
    const seen = new Set<number>();
    let ended = 0;
    for (let round = 0; round < 10; round++) {
      const asked = Array.from({ length: 10 }, () => acme.api.get('/admin/edge-sites').then(({ status }) => seen.add(status)));
      ended += await endConnections(app.database);
      await Promise.all(asked);
    }
    expect(ended).toBeGreaterThan(0);
    expect([...seen].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    await until('all are answered again', async () => (await acme.api.get('/admin/edge-sites')).status === 200);
  });
});

describe.each<[string, Scope | undefined]>([
  ['of tenants', undefined],
  ['of the platform', 'platform'],
])('a pool %s whose connections are all taken', (_which, scope) => {
  it('lets nobody wait for ever: 503, and not ready; all is well when they are back', async () => {
    const database = app.service.app.get(Database, { strict: false });
    const taken = Array.from({ length: scope === undefined ? 20 : 10 }, () => takeConnection(database, scope ?? { tenantId: acme.id }));
    await Promise.all(taken.map(({ held }) => held));

    const [readiness, ...answers] = await Promise.all([
      app.admin.as({}).get<ReadinessDto>('/health/ready'),
      ...DEEDS.map(([, deed]) => deed()),
      // More than are looked up together.
      ...Array.from({ length: 100 }, () => acme.api.get<Problem>('/admin/edge-sites')),
    ]);
    expect([readiness.status, readiness.body.checks.find(({ name }) => name === 'database')!.ok]).toEqual([503, false]);
    for (const answer of answers) expectUnavailable(answer, /than it can take/);

    for (const { giveBack } of taken) giveBack();
    await Promise.all(taken.map(({ done }) => done));
    await until('it is ready again', async () => (await ready()) === 200);
    expect((await acme.api.get('/admin/edge-sites')).status).toBe(200);
  });
});

function takeConnection(database: Database, scope: Scope) {
  let giveBack: () => void = () => undefined;
  const until = new Promise<void>((resolve) => (giveBack = resolve));
  let holding: () => void = () => undefined;
  const taken = new Promise<void>((resolve) => (holding = resolve));
  const done = database.transaction(scope, async (em) => {
    await em.execute('select 1');
    holding();
    await until;
  });
  return { held: Promise.race([taken, done]), giveBack, done };
}
