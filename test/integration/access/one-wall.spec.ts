import { entities, TENANT_FILTER } from '#libs/model';
import { abilityFor, authorize, listCondition } from '#libs/policy';
import { type Em, PLATFORM, type Where } from '../../../src/platform/database/index.js';
import { startWorld, type World } from './world.js';

/** Entities with a tenant. What nobody has put there yet would prove nothing. */
const EMPTY = new Set(['AgentService', 'AlertDeliveryItem', 'LeafConnection', 'LeafControlLink', 'SiteBuffer', 'TenantStream']);

const owned = entities
  .filter(({ name }) => !EMPTY.has(name))
  .map((entity) => ({ entity, name: entity.name }))
  .filter(({ name }) => !['EnrollmentKey', 'NatsOperator', 'NatsOperatorKey', 'PlatformCa', 'Tenant'].includes(name));

type Row = { id: string; tenantId: string };

let world: World;
beforeAll(async () => {
  world = await startWorld();
  // Tokens, and what was answered to a call that may be repeated, are not there without being asked for.
  for (const { api, ids } of [world.acme, world.globex]) {
    await api.call('POST', `/admin/edge-sites/${ids['edge-sites']}/download-tokens`, { body: {}, headers: { 'idempotency-key': 'one' } });
  }
});
afterAll(() => world.app.close());

const em = (): Em => world.app.database.database.em({ tenantId: world.acme.id });
const tenantsOf = (rows: { tenantId?: string; tenant_id?: string }[]) => [...new Set(rows.map(({ tenantId, tenant_id }) => tenantId ?? tenant_id))];
const tableOf = (name: string) => world.app.database.database.em(PLATFORM).getMetadata().getByClassName(name).tableName;

async function oneOfGlobex(entity: (typeof owned)[number]['entity']): Promise<string> {
  const [row] = (await world.app.database.database.em(PLATFORM).find(entity as never, { tenantId: world.globex.id } as never, { limit: 1 })) as Row[];
  return row!.id;
}

describe('row-level security, without the filter', () => {
  const unfiltered = () => {
    const unguarded = em();
    unguarded.setFilterParams(TENANT_FILTER, { platform: true });
    return unguarded;
  };

  it.each(owned)('shows a tenant its own $name only: by find, query builder, SQL and statement', async ({ entity, name }) => {
    const sql = `select tenant_id from ${tableOf(name)}`;
    const seen = [
      await unfiltered().find(entity as never, {}, { filters: false }),
      await unfiltered().createQueryBuilder(entity as never).select('*' as never).execute('all'),
      await unfiltered().execute<{ tenant_id: string }[]>(sql),
      await unfiltered().transactional((within) => within.execute<{ tenant_id: string }[]>(sql)),
      await world.app.database.database.statement<{ tenant_id: string }>({ tenantId: world.acme.id }, sql, []),
    ] as { tenantId?: string; tenant_id?: string }[][];
    expect(seen.map(tenantsOf)).toEqual(seen.map(() => [world.acme.id]));
  });

  it.each(owned.filter(({ name }) => name !== 'AuditEvent'))('lets a tenant neither change nor delete another’s $name', async ({ entity, name }) => {
    const id = await oneOfGlobex(entity);
    const table = tableOf(name);
    const change = `update ${table} set tenant_id = tenant_id where id = ? returning id`;
    const removal = `delete from ${table} where id = ? returning id`;
    expect(await unfiltered().execute(change, [id])).toEqual([]);
    expect(await unfiltered().execute(removal, [id])).toEqual([]);
    expect(await world.app.database.database.statement({ tenantId: world.acme.id }, removal, [id])).toEqual([]);
    expect(await unfiltered().nativeDelete(entity as never, { id } as never, { filters: false })).toBe(0);
    expect((await unfiltered().createQueryBuilder(entity as never).delete({ id } as never).execute('run')).affectedRows).toBe(0);
    expect(await oneOfGlobex(entity)).toBe(id);
  });
});

describe('the filter, without row-level security', () => {
  const unsecured = () => {
    const unguarded = em();
    unguarded.setSessionContext({ role: 'app_platform' });
    return unguarded;
  };

  it.each(owned)('finds a tenant its own $name only, and changes and deletes no other', async ({ entity, name }) => {
    const id = await oneOfGlobex(entity);
    expect(await unsecured().execute(`select 1 from ${tableOf(name)} where id = ?`, [id])).toHaveLength(1);
    expect(tenantsOf((await unsecured().find(entity as never, {})) as Row[])).toEqual([world.acme.id]);
    expect(await unsecured().findOne(entity as never, { id } as never)).toBeNull();
    expect(await unsecured().count(entity as never, { id } as never)).toBe(0);
    if (name === 'AuditEvent') return;
    expect(await unsecured().nativeUpdate(entity as never, { id } as never, { tenantId: world.acme.id } as never)).toBe(0);
    expect(await unsecured().nativeDelete(entity as never, { id } as never)).toBe(0);
    expect(await oneOfGlobex(entity)).toBe(id);
  });
});

describe('access rules, without both', () => {
  const rules = () => abilityFor({ role: 'admin', tenantId: world.acme.id });
  const everything = () => world.app.database.database.em(PLATFORM);

  it.each([
    ['EdgeSite', 'EdgeSite'],
    ['NatsLeafServer', 'NatsLeafServer'],
    ['CollectorPackage', 'CollectorPackage'],
    ['OnboardingPackage', 'OnboardingPackage'],
    ['Check', 'Check'],
    ['Agent', 'Agent'],
    ['Certificate', 'Certificate'],
    ['NatsUser', 'NatsCredential'],
    ['NatsAccount', 'NatsAccount'],
    ['AlertRule', 'AlertRule'],
    ['Alert', 'Alert'],
    ['AlertSilence', 'AlertSilence'],
    ['AlertChannel', 'AlertChannel'],
    ['ApiKey', 'ApiKey'],
    ['AuditEvent', 'AuditEvent'],
  ] as const)('list a tenant its own %s only, and refuse each other', async (name, subject) => {
    const entity = owned.find((one) => one.name === name)!.entity as never;
    const listed = (await everything().find(entity, listCondition(rules(), 'read', subject) as Where<never>)) as Row[];
    expect(tenantsOf(listed)).toEqual([world.acme.id]);
    const foreign = (await everything().find(entity, { tenantId: world.globex.id } as never)) as Row[];
    expect(foreign).not.toEqual([]);
    for (const row of foreign) expect(() => authorize(rules(), 'read', subject, row)).toThrow('Your role does not allow you');
  });
});

describe('what has a tenant', () => {
  it('is all that these tests know of', () => {
    const withTenant = entities.map(({ name }) => name).filter((name) => 'tenantId' in world.app.database.database.em(PLATFORM).getMetadata().getByClassName(name).properties);
    expect([...owned.map(({ name }) => name), ...EMPTY].sort()).toEqual(withTenant.sort());
  });
});
