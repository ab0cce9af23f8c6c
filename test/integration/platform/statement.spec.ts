import { newId, systemClock, systemRandom } from '#libs/kernel';
import { Tenant } from '#libs/model';
import { connect, Database, isDatabaseAway, PLATFORM } from '../../../src/platform/database/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

let test: TestDatabase;
let acme: string;
let globex: string;

const tenant = async (slug: string) => {
  const id = newId(systemClock, systemRandom);
  await test.database.em(PLATFORM).insert(Tenant, { id, slug, name: slug, createdAt: systemClock.now() });
  return id;
};

const slugs = async (scope: Parameters<TestDatabase['database']['statement']>[0]) =>
  (await test.database.statement<{ slug: string }>(scope, 'select slug from tenants order by slug', [])).map(({ slug }) => slug);

beforeAll(async () => {
  test = await startTestDatabase();
  acme = await tenant('acme');
  globex = await tenant('globex');
});
afterAll(() => test.close());

describe('a statement in one round trip', () => {
  it('sees its tenant’s rows only, and the platform everybody’s', async () => {
    expect(await slugs({ tenantId: acme })).toEqual(['acme']);
    expect(await slugs({ tenantId: globex })).toEqual(['globex']);
    expect(await slugs(PLATFORM)).toEqual(['acme', 'globex']);
  });

  it('leaves no tenant behind on the connection', async () => {
    const connections = await connect(test.serviceUrl);
    try {
      const database = new Database(connections);
      const query = 'select slug from tenants';
      const askedFor = Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? acme : globex));
      const seen = await Promise.all(askedFor.map((tenantId) => database.statement<{ slug: string }>({ tenantId }, query, [])));
      expect(seen.map((rows) => rows.map(({ slug }) => slug))).toEqual(askedFor.map((id) => [id === acme ? 'acme' : 'globex']));
      // Every connection of the pool has served a tenant by now. One that still knew it would show that tenant's row.
      const left = await Promise.all(Array.from({ length: connections.tenant.pool.totalCount }, () => connections.tenant.pool.query(query)));
      expect(left.flatMap(({ rows }) => rows as object[])).toEqual([]);
    } finally {
      await connections.close();
    }
  });

  it('may not write another tenant’s rows', async () => {
    const insert = `insert into audit_events (id, tenant_id, at, actor, action, subject_type, detail) values (?, ?, now(), 'x', 'x', 'x', '{}')`;
    const values = (tenantId: string) => [newId(systemClock, systemRandom), tenantId];
    await test.database.statement({ tenantId: acme }, insert, values(acme));
    await expect(test.database.statement({ tenantId: acme }, insert, values(globex))).rejects.toThrow(/row-level security/);
    const rows = await test.database.statement<{ tenant_id: string }>(PLATFORM, 'select tenant_id from audit_events', []);
    expect(rows.map(({ tenant_id }) => tenant_id)).toEqual([acme]);
  });

  it('takes values as data, whatever they hold', async () => {
    for (const text of [`'; drop table tenants; --`, String.raw`\'; select 1; --`, '?', '$1', 'a"b', '💥']) {
      const [row] = await test.database.statement<{ text: string }>({ tenantId: acme }, 'select ?::text as text', [text]);
      expect(row!.text).toBe(text);
    }
    expect(await slugs({ tenantId: acme })).toEqual(['acme']);
    const [row] = await test.database.statement<Record<string, unknown>>(PLATFORM, 'select ?::int as n, ?::text as t, ?::boolean as b', [7, null, true]);
    expect(row).toEqual({ n: 7, t: null, b: true });
  });

  it('of a tenant that is none is refused', async () => {
    await expect(slugs({ tenantId: `' or '1'='1` })).rejects.toThrow(/uuid/);
  });

  it('that PostgreSQL refuses is not taken for one that it is away for', async () => {
    const refusal = await test.database.statement(PLATFORM, 'select 1/0', []).catch((error: unknown) => error);
    expect(isDatabaseAway(refusal)).toBe(false);
  });
});
