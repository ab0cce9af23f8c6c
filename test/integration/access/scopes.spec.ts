import type { KeyScope } from '#libs/contracts';
import { KEY_SCOPES } from '#libs/policy';
import type { Api } from '../../../lab/api.js';
import { readMatrix } from './matrix.js';
import { requestOf, ROWS } from './requests.js';
import { startWorld, type World } from './world.js';

/** What anybody, or any caller, may do; and what keys without scopes only may: those of platform admins. */
const WITHOUT_SCOPE = /^getMe$|Tenant$|Tenants$|NatsOperator/;

const own = ROWS.filter(({ ids }) => ids === 'own');
const rows = own.flatMap((row) => {
  const scope = row.operation['x-scope'];
  return scope === undefined ? [] : [{ row, scope, operationId: row.operationId }];
});
const matrix = readMatrix();

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.app.close());

const keyWith = (scopes: KeyScope[]): Promise<Api> => world.app.keyOf(world.acme.slug, 'admin', { scopes });

describe('every operation that needs a key', () => {
  it('names a scope, but for who is calling and what platform admins do', () => {
    const without = own.filter(({ operation }) => operation.security?.length !== 0 && operation['x-scope'] === undefined);
    expect(without.filter(({ operationId }) => !WITHOUT_SCOPE.test(operationId)).map(({ operationId }) => operationId)).toEqual([]);
  });

  it('uses one of the scopes that there are, and all of them are used', () => {
    const exact = KEY_SCOPES.filter((scope) => !scope.endsWith(':*'));
    expect([...new Set(rows.map(({ scope }) => scope))].sort()).toEqual([...exact].sort());
  });
});

describe('a key with all scopes but one', () => {
  it.each(rows)('may not $operationId without $scope, and changes nothing', async ({ row, scope }) => {
    const all = KEY_SCOPES.filter((one) => one !== scope && one !== scope.replace(/\w+$/, '*'));
    const api = await keyWith(all);
    const { method, path, options } = await requestOf(row, world, false);
    const before = await world.rows();
    const { status, body } = await api.call<{ code: string }>(method, path, options);
    expect([status, body.code]).toEqual([403, 'forbidden']);
    expect(await world.rows()).toEqual(before);
  });
});

describe('a key with one scope', () => {
  it.each(rows)('may $operationId by $scope alone', async ({ row, scope }) => {
    // A key that makes keys makes none that may do more.
    const { method, path, options } = await requestOf(row, world, true);
    const body = row.operationId === 'createApiKey' ? { name: 'x', role: 'admin', scopes: [scope] } : options.body;
    const { status } = await (await keyWith([scope])).call(method, path, { ...options, body });
    expect(status).toBe(matrix.get(`${row.operationId} own`)!.admin);
  });
});
