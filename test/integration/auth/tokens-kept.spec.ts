import { until } from '../../../lab/until.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { newKey, TestIssuer } from '../../support/issuer.js';

const CLAIMS = { realm_access: { roles: ['edge-admins'] }, tenant: 'acme' };

let app: TestApp;
let issuer: TestIssuer;
let log = '';
const write = process.stdout.write.bind(process.stdout);
beforeAll(async () => {
  issuer = await TestIssuer.reserve();
  await issuer.start();
  process.stdout.write = ((text: string | Uint8Array) => {
    log += String(text);
    return true;
  }) as typeof process.stdout.write;
  app = await startTestApp({ ROLES: 'api,worker', LOG_LEVEL: 'trace', ...issuer.env });
  await app.tenant('Acme');
  await until('the issuer’s keys are known', async () => (await app.admin.as({ key: await issuer.token(CLAIMS) }).get('/me')).status === 200);
});
afterAll(async () => {
  process.stdout.write = write;
  await app.close();
  await issuer.stop();
});

/** Every row of every table, as text. */
async function stored(): Promise<string> {
  const { database } = app.database;
  const tables = await database.statement<{ name: string }>(PLATFORM, `select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'mikro_orm_migrations'`, []);
  const rows = tables.map(({ name }) => `select coalesce(string_agg(one::text, ' '), '') as text from ${name} one`);
  return (await database.statement<{ text: string }>(PLATFORM, rows.join(' union all '), [])).map(({ text }) => text).join('\n');
}

describe('an access token', () => {
  it('is in no log and in no row, whether it is good or not', async () => {
    const shown = {
      good: await issuer.token(CLAIMS),
      expired: await issuer.forge({ ...CLAIMS, exp: 1 }),
      forged: await issuer.forge(CLAIMS, {}, await newKey('RS256', 'first')),
      roleless: await issuer.forge({ tenant: 'acme' }),
      opaque: 'c2VjcmV0LW9mLXRoZS1pc3N1ZXI.of.an-issuer',
    };
    const statuses: Record<string, number> = {};
    for (const [what, key] of Object.entries(shown)) {
      const api = app.admin.as({ key });
      statuses[what] = (await api.post('/admin/edge-sites', { name: `Site ${what}` })).status;
      await api.get(`/admin/edge-sites?name=${key}`);
      // What looks like nothing is kept back where credentials belong, and nowhere else.
      if (what === 'opaque') continue;
      await fetch(`${app.service.url}/api/admin/edge-sites/${key.slice(0, 90)}`, { headers: { authorization: `Bearer ${key}`, 'x-tenant': key } });
    }
    expect(statuses).toEqual({ good: 201, expired: 401, forged: 401, roleless: 403, opaque: 401 });

    expect(log.match(/"msg":"request"/g)!.length).toBeGreaterThan(10);
    const kept = await stored();
    expect(kept).toContain('user:console');
    for (const key of Object.values(shown)) {
      for (const part of key.split('.').filter((part) => part.length > 20)) {
        expect(log.includes(part)).toBe(false);
        expect(kept.includes(part)).toBe(false);
      }
    }
  });
});
