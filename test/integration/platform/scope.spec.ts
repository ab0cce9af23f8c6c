import { newId, systemClock, systemRandom } from '#libs/kernel';
import { Tenant } from '#libs/model';
import { PLATFORM, type Scope } from '../../../src/platform/database/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

let test: TestDatabase;
let acme: Scope;
let globex: Scope;

const tenant = async (slug: string): Promise<Scope> => {
  const tenantId = newId(systemClock, systemRandom);
  await test.database.em(PLATFORM).insert(Tenant, { id: tenantId, slug, name: slug, createdAt: systemClock.now() });
  return { tenantId };
};

/** What PostgreSQL lets a scope see, whatever the ORM asks for; both ways to the database. */
const seenBy = async (scope: Scope): Promise<string[][]> => {
  const query = 'select slug from tenants order by slug';
  const rows = [
    await test.database.em(scope).execute<{ slug: string }[]>(query),
    await test.database.transaction(scope, (em) => em.execute<{ slug: string }[]>(query)),
  ];
  return rows.map((found) => found.map(({ slug }) => slug));
};
const twice = (...slugs: string[]) => [slugs, slugs];

beforeAll(async () => {
  test = await startTestDatabase();
  [acme, globex] = [await tenant('acme'), await tenant('globex')];
});
afterAll(() => test.close());

describe('what a scope sees within a transaction of another', () => {
  it('is everything, for the platform within a tenant’s', async () => {
    expect(await test.database.transaction(acme, () => seenBy(PLATFORM))).toEqual(twice('acme', 'globex'));
  });

  it('is the tenant’s own, within the platform’s', async () => {
    expect(await test.database.transaction(PLATFORM, () => seenBy(acme))).toEqual(twice('acme'));
  });

  it('is the tenant’s own, within another tenant’s', async () => {
    expect(await test.database.transaction(acme, () => seenBy(globex))).toEqual(twice('globex'));
  });
});
