import type { Api } from '../../../lab/api.js';
import type { ProblemDto } from '../../../src/platform/problem/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { type Described, readOpenApi } from '../../support/openapi.js';

interface Schema extends Described {
  type?: string;
  maxItems?: number;
  maxProperties?: number;
  maxLength?: number;
  enum?: unknown[];
  properties?: Record<string, Schema>;
}

const { paths, components } = readOpenApi();
const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));

/** Bounded by its bytes instead: what it may hold depends on the type of the collector. */
const BY_BYTES = ['/config_overrides'];

/** Arrays, and objects with names of the caller's choice, that may have any number of members. */
function unbounded(schema: Schema | undefined, at = ''): string[] {
  if (schema === undefined || BY_BYTES.includes(at)) return [];
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (ref !== undefined) return unbounded(components.schemas[ref.split('/').at(-1)!] as Schema, at);
  const own = (schema.type === 'array' && schema.maxItems === undefined) || (schema.additionalProperties && schema.maxProperties === undefined) ? [at] : [];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => unbounded(property, `${at}/${name}`));
  return [...own, ...inner, ...unbounded(schema.items as Schema | undefined, `${at}/*`)];
}

describe('each body of openapi.yaml', () => {
  const bodies = operations.flatMap(({ operation }) => {
    const schema = operation.requestBody?.content['application/json']?.schema;
    return schema === undefined ? [] : [[operation.operationId, schema] as const];
  });

  it('is found here', () => expect(bodies.length).toBeGreaterThan(10));

  it.each(bodies)('of %s says how many members its arrays and maps may have', (_operationId, schema) => {
    expect(unbounded(schema as Schema)).toEqual([]);
  });
});

describe('a body that is nested very deep', () => {
  let app: TestApp;
  let api: Api;
  beforeAll(async () => {
    app = await startTestApp();
    ({ api } = await app.tenant('Acme'));
  });
  afterAll(() => app.close());

  const changing = operations.filter(({ method, operation }) => ['post', 'put', 'patch', 'delete'].includes(method) && operation.security === undefined);
  const deep = `${'{"a":['.repeat(9_000)}1${']}'.repeat(9_000)}`;

  it.each(changing.map(({ method, path, operation }) => [operation.operationId, method.toUpperCase(), path] as const))(
    'is refused with 422 by %s, with an Idempotency-Key or without',
    async (_operationId, method, path) => {
      const url = `${app.service.url}${path.replace(/\{\w+\}/, '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70')}`;
      for (const key of [{}, { 'idempotency-key': path }]) {
        const headers = { authorization: `Bearer ${api.credentials.key}`, 'content-type': 'application/json', ...key };
        const answer = await fetch(url, { method, headers, body: deep });
        const { status, errors } = (await answer.json()) as ProblemDto;
        expect([status, errors?.map(({ code }) => code)]).toEqual([422, ['too_deep']]);
      }
    },
  );
});
