import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { type Answer, Api, ok } from '../../../lab/api.js';
import { freePort } from '../../../lab/free-port.js';
import { until } from '../../../lab/until.js';
import { Config } from '../../../src/platform/config/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import type { ProblemDto } from '../../../src/platform/problem/index.js';
import { RateLimitsSweep } from '../../../src/platform/rate-limit/index.js';
import { type RunningService, start } from '../../../src/start.js';
import { startTestApp, type TestApp } from '../../support/app.js';

const ID = '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70';
const unknownKey = () => `sr_${randomBytes(8).toString('hex')}_${'x'.repeat(43)}`;

/** The proxy that the tests are; each test comes from an address of its own. */
const PROXY = '127.0.0.1';
let last = 0;
const newAddress = () => `198.18.${(++last >> 8) & 255}.${last & 255}`;

let app: TestApp;
let tenant: { slug: string; api: Api };
let other: RunningService;

/** A further process on the same database. */
async function another(env: Partial<Config> = {}): Promise<RunningService> {
  const port = await freePort();
  return start({ ...app.service.app.get(Config), port, publicUrl: `http://127.0.0.1:${port}`, gatewayPort: 0, roles: ['api'], ...env });
}

beforeAll(async () => {
  app = await startTestApp({
    TRUSTED_PROXIES: PROXY,
    RATE_LIMIT_KEY: '40',
    RATE_LIMIT_ADDRESS: '50',
    RATE_LIMIT_DOWNLOAD: '8',
    RATE_LIMIT_AUTHENTICATION: '6',
  });
  tenant = await app.tenant('Acme');
  other = await another();
});
afterAll(async () => {
  await other.stop();
  await app.close();
});

const from = (address: string) => ({ 'x-forwarded-for': address });
const statusesOf = (answers: Answer<unknown>[]) => {
  const counted: Record<number, number> = {};
  for (const { status } of answers) counted[status] = (counted[status] ?? 0) + 1;
  return counted;
};
/** By turns over both processes, a few at the same time. */
async function byTurns(calls: number, call: (api: Api) => Promise<Answer<unknown>>): Promise<Answer<unknown>[]> {
  const answers: Answer<unknown>[] = [];
  for (let done = 0; done < calls; done += 10) {
    const apis = Array.from({ length: Math.min(10, calls - done) }, (_, at) => new Api(at % 2 === 0 ? app.service.url : other.url));
    answers.push(...(await Promise.all(apis.map(call))));
  }
  return answers;
}
const newKey = () => app.keyOf(tenant.slug, 'viewer').then(({ credentials }) => credentials.key!);
const me = (api: Api, key: string, address: string) => api.as({ key }).call<ProblemDto>('GET', '/me', { headers: from(address) });
const tooMany = (answers: Answer<unknown>[]) => answers.find(({ status }) => status === 429) as Answer<ProblemDto>;

describe('a limit', () => {
  it('for a key holds for two processes together, wherever the calls come from', async () => {
    const key = await newKey();
    const answers = await byTurns(60, (api) => me(api, key, newAddress()));
    expect(statusesOf(answers)).toEqual({ 200: 40, 429: 20 });
    const { body, headers } = tooMany(answers);
    expect(body).toMatchObject({ code: 'rate_limited', detail: expect.stringMatching(/^Too many calls with this key: 40 a minute are let through\. Wait \d+ s\.$/) });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect([headers.get('ratelimit-policy'), headers.get('ratelimit')]).toEqual(['"key";q=40;w=60', expect.stringMatching(/^"key";r=0;t=\d+$/)]);
  });

  it('for an address holds for two processes together, whichever keys are shown', async () => {
    const address = newAddress();
    const keys = await Promise.all([newKey(), newKey(), newKey()]);
    let call = 0;
    const answers = await byTurns(70, (api) => me(api, keys[call++ % 3]!, address));
    expect(statusesOf(answers)).toEqual({ 200: 50, 429: 20 });
    const { body, headers } = tooMany(answers);
    expect([headers.get('ratelimit-policy'), body.request_id]).toEqual(['"address";q=50;w=60', headers.get('x-request-id')]);
    expect((await me(app.admin, keys[0]!, newAddress())).status).toBe(200);
  });

  it('for downloads with tokens holds for two processes together, before the token is looked at', async () => {
    const address = newAddress();
    const headers = { ...from(address), 'x-serviceradar-download-token': 'x'.repeat(43) };
    const answers = await byTurns(20, (api) => api.call('POST', `/edge-sites/${ID}/bundle`, { headers }));
    expect(statusesOf(answers)).toEqual({ 404: 8, 429: 12 });
    for (const kind of ['collectors', 'edge-packages']) expect((await app.admin.call('POST', `/${kind}/${ID}/bundle`, { headers })).status).toBe(429);
  });

  it('for keys that do not open holds for two processes together, and then also for one that does', async () => {
    const address = newAddress();
    const answers = await byTurns(20, (api) => me(api, unknownKey(), address));
    expect(statusesOf(answers)).toEqual({ 401: 6, 429: 14 });
    const good = await newKey();
    expect((await me(new Api(app.service.url), good, address)).status).toBe(429);
    expect((await me(new Api(app.service.url), good, newAddress())).status).toBe(200);
  });

  it('counts a tenant that is not the key’s as an attempt, and a call without a key as none', async () => {
    const address = newAddress();
    const key = await newKey();
    const named = (api: Api) => api.as({ key, tenant: 'globex' }).call('GET', '/me', { headers: from(address) });
    expect(statusesOf(await byTurns(10, named))).toEqual({ 404: 6, 429: 4 });
    const without = newAddress();
    expect(statusesOf(await byTurns(20, (api) => api.call('GET', '/me', { headers: from(without) })))).toEqual({ 401: 20 });
  });

  it('is said with each answer, and counts down', async () => {
    const key = await newKey();
    const left = async () => Number(/r=(\d+)/.exec((await me(app.admin, key, newAddress())).headers.get('ratelimit')!)![1]);
    const first = await left();
    expect([first, await left()]).toEqual([39, 38]);
  });

  it('is none for those who watch over the process', async () => {
    const headers = from(newAddress());
    expect(statusesOf(await byTurns(60, (api) => api.call('GET', '/health/live', { headers })))).toEqual({ 200: 60 });
  });

  it('of 0 is none', async () => {
    const unlimited = await another({ rateLimits: { key: 0, address: 0, download: 0, authentication: 0 } });
    try {
      const address = newAddress();
      const answers = await byTurns(20, () => me(new Api(unlimited.url), unknownKey(), address));
      expect([statusesOf(answers), answers[0]!.headers.get('ratelimit')]).toEqual([{ 401: 20 }, null]);
    } finally {
      await unlimited.stop();
    }
  });
});

describe('the address that is counted, and that stands in the audit trail', () => {
  const auditedFrom = async (forwarded: string, service = app.service) => {
    const api = new Api(service.url, tenant.api.credentials);
    const answer = await api.call<{ id: string }>('POST', '/admin/api-keys', { body: { name: 'from', role: 'viewer' }, headers: from(forwarded) });
    const [row] = await app.database.database
      .em(PLATFORM)
      .execute<{ source_address: string }[]>(`select source_address from audit_events where subject_id = ? and action = 'api_key.create'`, [answer.body.id]);
    return row?.source_address;
  };

  it('is the one that the trusted proxy names, not one that the client claims', async () => {
    expect(await auditedFrom('198.51.100.200')).toBe('198.51.100.200');
    expect(await auditedFrom('192.0.2.1, 198.51.100.201')).toBe('198.51.100.201');
    const address = newAddress();
    const claiming = (number: number) => `192.0.2.${number}, ${address}`;
    let claimed = 0;
    expect(statusesOf(await byTurns(20, (api) => me(api, unknownKey(), claiming(++claimed))))).toEqual({ 401: 6, 429: 14 });
  });

  it('is the proxy’s own when it is not trusted', async () => {
    const distrustful = await another({ trustedProxies: [] });
    try {
      expect(await auditedFrom('198.51.100.202', distrustful)).toBe(PROXY);
    } finally {
      await distrustful.stop();
    }
  });

  it('counts by the network when it is an IPv6 address', async () => {
    let host = 0;
    expect(statusesOf(await byTurns(20, (api) => me(api, unknownKey(), `2001:db8:1:2::${++host}`)))).toEqual({ 401: 6, 429: 14 });
  });
});

describe('what was counted', () => {
  const buckets = () => app.database.database.em(PLATFORM).execute<{ bucket: string }[]>('select bucket from rate_limits');

  it('is swept away when its window is over', async () => {
    await me(app.admin, await newKey(), newAddress());
    const before = (await buckets()).length;
    expect(before).toBeGreaterThan(0);
    const [kept] = await buckets();
    const ends = `case when bucket = ? then now() + interval '1 hour' else now() end`;
    await app.database.database.em(PLATFORM).execute(`update rate_limits set ends_at = ${ends}`, [kept!.bucket]);
    await app.service.app.get(RateLimitsSweep).run();
    expect(await buckets()).toEqual([kept]);
  });
});

describe('while nobody counts', () => {
  const asOwner = async (sql: string) => {
    const client = new Client({ connectionString: app.database.ownerUrl });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };

  it('the limits hold for each process by itself, and nobody is refused because of that', async () => {
    await asOwner('alter table rate_limits rename to rate_limits_away');
    try {
      const address = newAddress();
      const answers = await byTurns(40, (api) => me(api, unknownKey(), address));
      expect(statusesOf(answers)).toEqual({ 401: 12, 429: 28 });
      expect((await ok(tenant.api.call<{ role: string }>('GET', '/me', { headers: from(newAddress()) }))).role).toBe('admin');
    } finally {
      await asOwner('alter table rate_limits_away rename to rate_limits');
    }
    const shared = app.database.database.em(PLATFORM);
    await shared.execute('delete from rate_limits');
    await until('limits are shared again', async () => {
      await me(app.admin, unknownKey(), newAddress());
      return (await shared.execute<unknown[]>('select from rate_limits')).length > 0;
    });
  });
});
