import { readMatrix } from './matrix.js';
import { requestOf, type Row, ROWS } from './requests.js';
import { PRINCIPALS, type PrincipalName, startWorld, type World } from './world.js';

const matrix = readMatrix();
const nameOf = ({ operationId, ids }: Row) => `${operationId} ${ids}`;
const rows = ROWS.filter((row) => matrix.has(nameOf(row))).map((row) => ({ row, operationId: row.operationId, ids: row.ids }));

/** A key for other sites: what it is answered has nothing of Acme's sites in it. */
const SEES_NO_SITE: PrincipalName = 'elsewhere';

/** Who is given what is theirs to see, whoever it belongs to. */
const SEES_ALL = new Set<PrincipalName>(['platform', 'platform→']);

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.app.close());

describe('the access matrix', () => {
  it('has a row for each operation of openapi.yaml and each place of an id in it, and no other', () => {
    expect([...matrix.keys()].sort()).toEqual(ROWS.map(nameOf).sort());
  });
});

describe('a key for other sites', () => {
  it('is refused by the matrix what is of a site, and given nothing but lists', () => {
    const closed = rows.filter(({ row }) => row.operation.security?.length !== 0 && row.operationId !== 'getMe');
    const given = closed.filter(({ row }) => matrix.get(nameOf(row))![SEES_NO_SITE] < 400);
    expect(given.filter(({ row }) => row.method !== 'GET' || row.path.includes('{'))).toEqual([]);
    expect(closed.filter(({ row }) => ![200, 403, 404].includes(matrix.get(nameOf(row))![SEES_NO_SITE]))).toEqual([]);
    expect(closed.length).toBeGreaterThan(60);
  });
});

describe('access', () => {
  it.each(rows)('to $operationId ($ids) is as the matrix says, and whoever is refused changes nothing', async ({ row }) => {
    const expected = matrix.get(nameOf(row))!;
    const someSucceed = Object.values(expected).some((status) => status < 300);
    // 409 beside a success comes of what another one has done before: it is asked for after.
    const isRefused = (name: PrincipalName) => expected[name] >= 400 && !(expected[name] === 409 && someSucceed);
    const refused = PRINCIPALS.filter(isRefused);
    const requests = await Promise.all(refused.map(() => requestOf(row, world, false)));
    const before = await world.rows();
    const statuses: Partial<Record<PrincipalName, number>> = {};
    for (const [at, name] of refused.entries()) statuses[name] = await statusOf(row, name, requests[at]!);
    expect(await world.rows()).toEqual(before);

    for (const name of PRINCIPALS.filter((name) => !isRefused(name))) {
      statuses[name] = await statusOf(row, name, await requestOf(row, world, true));
    }
    expect(statuses).toEqual(expected);
  });
});

/** @throws Error when something of Globex's is answered, or to a key for other sites something of Acme's */
async function statusOf({ operation, operationId }: Row, name: PrincipalName, { method, path, options }: Awaited<ReturnType<typeof requestOf>>): Promise<number> {
  const { status, body } = await world.principals[name].call(method, path, options);
  // What anybody may know is public.
  const isPublic = operation.security?.length === 0;
  if (!isPublic && !SEES_ALL.has(name) && /Globex/.test(Buffer.isBuffer(body) ? body.toString('latin1') : JSON.stringify(body))) {
    throw new Error(`${operationId} tells ${name} what is Globex's: ${JSON.stringify(body)}`);
  }
  // What a stream tells is for events.spec.ts.
  const isList = operationId !== 'getMe' && operationId !== 'streamEvents';
  if (!isPublic && name === SEES_NO_SITE && status === 200 && isList) expect(body).toEqual({ data: [], next_cursor: null });
  return status;
}
