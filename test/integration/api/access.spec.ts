import type { Api } from '../../../lab/api.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { type Described, readOpenApi } from '../../support/openapi.js';

/** Operations that answer without knowing who asks. All others must not. */
const PUBLIC = new Set([
  'GET /api/health/live',
  'GET /api/health/ready',
  'GET /api/pki/enrollment-key',
  'GET /api/pki/tenants/{slug}/ca.pem',
  'GET /api/pki/tenants/{slug}/crl',
  'GET /api/pki/tenants/{slug}/crl/{serial}',
  'POST /api/collectors/{id}/bundle',
  'POST /api/edge-packages/{id}/bundle',
  'POST /api/edge-sites/{id}/bundle',
]);

const { paths, components } = readOpenApi();
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, operation })),
);
const closed = operations.filter(({ name }) => !PUBLIC.has(name));

let app: TestApp;
let viewer: Api;
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
  viewer = await app.keyOf((await app.tenant('Viewed')).slug, 'viewer');
});
afterAll(() => app.close());

/** With an id that belongs to nobody. */
const target = (path: string) => path.replace(/^\/api/, '').replace(/\{\w+\}/g, '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f');

describe('openapi.yaml', () => {
  it('names every public operation that there is', () => {
    expect(operations.map(({ name }) => name)).toEqual(expect.arrayContaining([...PUBLIC]));
  });

  it.each(operations)('gives $name a summary and an operation id of its own', ({ operation }) => {
    expect(operation.summary).toMatch(/\S/);
    expect(operations.filter((other) => other.operation.operationId === operation.operationId)).toHaveLength(1);
  });
});

/** Of a schema that is referred to, the examples are there. */
const hasExample = ({ example, $ref, items }: Described) => [example, $ref, items?.$ref].some((found) => found !== undefined);

describe('openapi.yaml gives an example', () => {
  it('of each property', () => {
    const described = Object.entries(components.schemas).flatMap(([schema, { properties = {} }]) =>
      Object.entries(properties).map(([name, property]) => ({ name: `${schema}.${name}`, property })),
    );
    expect(described.map(({ name }) => name)).toEqual(expect.arrayContaining(['Problem.errors', 'EdgeSite.leaf_server', 'CreateTenant.name']));
    expect(described.filter(({ property }) => !hasExample(property)).map(({ name }) => name)).toEqual([]);
  });

  it('of each parameter', () => {
    const described = operations.flatMap(({ name, operation }) =>
      (operation.parameters ?? []).map((parameter) => ({ name: `${name} ${parameter.name}`, parameter })),
    );
    const shared = Object.entries(components.parameters).map(([name, parameter]) => ({ name, parameter }));
    expect(shared.map(({ name }) => name)).toEqual(['Tenant', 'IdempotencyKey', 'IfMatch', 'IfNoneMatch']);
    const without = [...described, ...shared].filter(({ parameter }) => !hasExample(parameter) && !(parameter.schema && hasExample(parameter.schema)));
    expect(without.map(({ name }) => name)).toEqual([]);
  });
});

describe('every operation that is not public', () => {
  it.each(closed)('$name answers nobody with 401', async ({ method, path }) => {
    const { status } = await app.admin.as({}).call(method, target(path), method === 'GET' ? {} : { body: {} });
    expect(status).toBe(401);
  });

  it.each(closed.filter(({ method, path }) => method !== 'GET' && path.includes('/admin/')))(
    '$name lets no viewer change anything',
    async ({ method, path }) => {
      expect((await viewer.call(method, target(path), { body: {} })).status).toBe(403);
    },
  );

  it('stays closed when a key’s tenant is named by nobody', async () => {
    const { status, body } = await app.admin.get<{ code: string }>('/admin/edge-sites');
    expect([status, body.code]).toEqual([400, 'tenant_required']);
  });
});
