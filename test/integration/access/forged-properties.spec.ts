import { readOpenApi } from '../../support/openapi.js';
import { bodyOf, requestOf, type Row, ROWS } from './requests.js';
import { startWorld, type World } from './world.js';

const { components } = readOpenApi();

/** What somebody would add who hopes that a body is assigned wholesale; as text, as `__proto__` is no key of a literal. */
const forged = ({ globex }: World): [name: string, json: string][] => [
  ['tenant_id', JSON.stringify(globex.id)],
  ['tenantId', JSON.stringify(globex.id)],
  ['role', '"platform_admin"'],
  ['status', '"active"'],
  ['id', JSON.stringify(globex.ids['edge-sites'])],
  ['version', '99'],
  ['is_ca', 'true'],
  ['__proto__', '{"role": "platform_admin", "tenant_id": null}'],
  ['constructor', '{"prototype": {"role": "platform_admin"}}'],
];

const schemaOf = (name: string) => components.schemas[name]!;
const nested = (bodySchema: string) =>
  Object.entries(schemaOf(bodySchema).properties ?? {}).flatMap(([field, { $ref, allOf }]) => {
    const schema = ($ref ?? allOf?.[0]?.$ref)?.split('/').at(-1);
    return schema !== undefined && schemaOf(schema).properties !== undefined ? [{ field, schema }] : [];
  });
/** Fields whose keys are people's own. */
const maps = (bodySchema: string) =>
  Object.entries(schemaOf(bodySchema).properties ?? {}).flatMap(([field, { additionalProperties }]) => (additionalProperties ? [field] : []));

const named = (row: Row) => ({ row, operationId: row.operationId });
const withBody = ROWS.filter(({ ids, bodySchema }) => ids === 'own' && bodySchema !== undefined).map(named);
const withoutBody = ROWS.filter(({ ids, bodySchema, method }) => ids === 'path' && bodySchema === undefined && method !== 'GET').map(named);

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.app.close());

const asker = ({ operationId }: Row) => world.principals[/^createTenant$|NatsOperator/.test(operationId) ? 'platform' : 'admin'];

/** Fastify takes no body for JSON that would change a prototype where it is copied; all else is a field that is not known. */
const refusalOf = (name: string, pointer: string) =>
  ['__proto__', 'constructor'].includes(name)
    ? { status: 400, body: { code: 'malformed_request' } }
    : { status: 422, body: { errors: [{ pointer, code: 'unknown_field' }] } };

/** With another body than the operation would be sent. */
async function send(row: Row, body: unknown) {
  const { method, path, options } = await requestOf(row, world, false);
  return asker(row).call<{ code: string; errors?: { pointer: string; code: string }[] }>(method, path, { ...options, body });
}

describe('a property that is none of the operation’s', () => {
  it.each(withBody)('is refused in the body of $operationId, and changes nothing', async ({ row }) => {
    const known = schemaOf(row.bodySchema!).properties ?? {};
    const properties = forged(world).filter(([name]) => !(name in known) || name in Object.prototype);
    const before = await world.rows();
    for (const [name, json] of properties) {
      const body = JSON.parse(`{${JSON.stringify(name)}: ${json}, ${JSON.stringify(bodyOf(row, world)).slice(1)}`) as unknown;
      expect(await send(row, body)).toMatchObject(refusalOf(name, `/${name}`));
    }
    expect(await world.rows()).toEqual(before);
    expect(properties.length).toBeGreaterThanOrEqual(8);
  });

  const nestedFields = withBody.flatMap(({ row, operationId }) => nested(row.bodySchema!).map(({ field, schema }) => ({ row, operationId, field, schema })));
  it.each(nestedFields)('is refused in $field of $operationId, and changes nothing', async ({ row, field, schema }) => {
    const before = await world.rows();
    for (const [name, json] of forged(world).filter(([name]) => !Object.hasOwn(schemaOf(schema).properties!, name))) {
      const answer = await send(row, { ...bodyOf(row, world), [field]: JSON.parse(`{${JSON.stringify(name)}: ${json}}`) as unknown });
      expect(answer).toMatchObject(refusalOf(name, `/${field}/${name}`));
    }
    expect(await world.rows()).toEqual(before);
  });

  const mapFields = withBody.flatMap(({ row, operationId }) => maps(row.bodySchema!).map((field) => ({ row, operationId, field })));
  it.each(mapFields)('is refused in $field of $operationId when objects inherit it, and changes nothing', async ({ row, field }) => {
    const before = await world.rows();
    for (const name of ['constructor', 'hasOwnProperty']) {
      const answer = await send(row, { ...bodyOf(row, world), [field]: { [name]: 'x' } });
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: `/${field}/${name}`, code: 'unknown_field' }] } });
    }
    const poisoned = JSON.parse('{"__proto__": "x"}') as unknown;
    expect(await send(row, { ...bodyOf(row, world), [field]: poisoned })).toMatchObject(refusalOf('__proto__', ''));
    expect(await world.rows()).toEqual(before);
  });

  it('is looked for in what is nested, too', () => {
    expect(nestedFields.map(({ operationId, field }) => `${operationId} ${field}`)).toEqual(expect.arrayContaining(['updateEdgeSite buffer']));
    expect(mapFields.map(({ operationId, field }) => `${operationId} ${field}`)).toEqual(
      expect.arrayContaining(['updateEdgeSite labels', 'createCollectorPackage config_overrides']),
    );
  });

  it.each(withoutBody)('opens nothing of another tenant’s to $operationId, which takes no body', async ({ row }) => {
    const taken = forged(world).filter(([name]) => !(name in Object.prototype));
    const body = JSON.parse(`{${taken.map(([name, json]) => `${JSON.stringify(name)}: ${json}`).join(', ')}}`) as unknown;
    const { method, path } = await requestOf(row, world, false);
    const before = await world.rows();
    expect((await asker(row).call(method, path, { body })).status).toBe(404);
    expect(await world.rows()).toEqual(before);
  });
});

describe('a key', () => {
  it('cannot be made one of a platform admin by the admin of a tenant', async () => {
    const before = await world.rows();
    const answer = await world.acme.api.post('/admin/api-keys', { name: 'x', role: 'platform_admin' });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/role' }] } });
    expect(await world.rows()).toEqual(before);
  });
});
