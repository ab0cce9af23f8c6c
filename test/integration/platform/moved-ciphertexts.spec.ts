import { Secret, systemRandom } from '#libs/kernel';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import { type CiphertextColumn, KeyRing, type Place, Reencryption } from '../../../src/platform/encryption/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Sealed {
  column: CiphertextColumn;
  ciphertext: string | Buffer;
  /** The one that it opens in. */
  place: Place;
}

/** No code writes it any more: an operator from before there could be several signing keys has it. */
const EMPTY = ['nats_operators.signing_seed_ciphertext'];

const KEY = Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 7 + 3) % 251));
const ring = new KeyRing([{ id: 'k1', key: new Secret(KEY) }], systemRandom);

const ENV = {
  NATS_PUBLIC_URL: 'tls://hub.example.com:4222',
  GATEWAY_ADDRESS: 'gateway.example.com:50052',
  ENCRYPTION_KEYS: `k1:${KEY.toString('base64')}`,
};

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let globex: { id: string; slug: string; api: Api };

const sql = <T>(statement: string, ...values: unknown[]) => app.database.database.em('platform').execute<T[]>(statement, values);
const reencryption = () => new Reencryption(app.database.database, ring);
const nameOf = ({ table, column }: CiphertextColumn) => `${table}.${column}`;

/** One thing of each kind that holds a secret, or two. */
async function furnish({ api }: { api: Api }): Promise<Furnished> {
  const once = { body: { name: 'Hamburg' }, headers: { 'idempotency-key': 'Hamburg' } };
  const site = await ok(api.call<{ id: string }>('POST', '/admin/edge-sites', once));
  const collector = await ok(api.post<{ id: string }>('/admin/collectors', { collector_type: 'flowgger' }));
  const component = { label: 'Agent', component_type: 'agent', component_id: 'agent-1', edge_site_id: site.id };
  const agent = await ok(api.post<{ id: string }>('/admin/edge-packages', component));
  await ok(api.post('/admin/alert-channels', { name: 'On call', kind: 'webhook', url: 'https://alerts.example/x', secret: 'x'.repeat(32) }));
  await ok(api.post('/admin/nats/signing-keys/rotate'));
  await until('the leaf is provisioned', async () => (await api.get(`/admin/edge-sites/${site.id}/bundle`)).status === 200);
  await until('the collector is provisioned', async () => (await ok(api.get<{ status: string }>(`/admin/collectors/${collector.id}`))).status === 'ready');
  return { siteId: site.id, collectorId: collector.id, agentId: agent.id };
}

interface Furnished {
  siteId: string;
  collectorId: string;
  agentId: string;
}

let furnished: Furnished;
let sealed: Sealed[];

beforeAll(async () => {
  app = await startTestApp(ENV);
  [acme, globex] = [await app.tenant('Acme'), await app.tenant('Globex')];
  await ok(app.admin.post('/admin/nats/operator/signing-keys'));
  furnished = await furnish(acme);
  await furnish(globex);
  await tokenFor('collectors', furnished.collectorId);
  sealed = await everythingSealed();
});
afterAll(() => app.close());

async function everythingSealed(): Promise<Sealed[]> {
  const tenants = [null, acme.id, globex.id];
  const found = await Promise.all(
    reencryption()
      .columns()
      .map(async (column) => {
        const rows = await sql<{ id: string; ciphertext: string | Buffer }>(
          `select id, ${column.column} as "ciphertext" from ${column.table} where ${column.column} is not null`,
        );
        return rows.map(({ id: rowId, ciphertext }) => {
          const names = [column.column, column.column.replace(/_ciphertext$/, '')];
          const places = names.flatMap((name) => tenants.map((tenantId) => ({ table: column.table, column: name, rowId, tenantId })));
          const [place, ...others] = places.filter((candidate) => opens(ciphertext, candidate));
          expect([nameOf(column), others]).toEqual([nameOf(column), []]);
          return { column, ciphertext, place: place! };
        });
      }),
  );
  return found.flat();
}

function opens(ciphertext: string | Buffer, place: Place): boolean {
  try {
    if (typeof ciphertext === 'string') ring.open(ciphertext, place);
    else Array.from(ring.openStream(ciphertext, place));
    return true;
  } catch {
    return false;
  }
}

async function tokenFor(what: 'collectors' | 'edge-packages', id: string, api = acme.api): Promise<string> {
  return (await ok(api.post<DownloadTokenDto>(`/admin/${what}/${id}/download-tokens`))).token;
}

const download = async (what: 'collectors' | 'edge-packages', id: string, api: Api) => {
  const headers = { 'x-serviceradar-download-token': await tokenFor(what, id, api) };
  return (await api.as({}).call('POST', `/${what}/${id}/bundle`, { headers })).status;
};

describe('what is sealed', () => {
  it('is found in every column that may hold it, of more rows than one where there are several', () => {
    const found = new Set(sealed.map(({ column }) => nameOf(column)));
    expect(reencryption().columns().map(nameOf).filter((name) => !found.has(name))).toEqual(EMPTY);
    for (const name of found) {
      const rows = sealed.filter(({ column }) => nameOf(column) === name);
      const alone = rows.every(({ place }) => place.tenantId === null);
      expect([name, rows.length > 1 || alone]).toEqual([name, true]);
    }
  });

  it('belongs to the tenant of its row, or to the platform', async () => {
    const tables = await sql<{ table: string }>(
      `select table_name as "table" from information_schema.columns where table_schema = 'public' and column_name = 'tenant_id'`,
    );
    const tenants = new Set(tables.map(({ table }) => table));
    for (const { column, place } of sealed) {
      const [row] = tenants.has(column.table) ? await sql<{ id: string }>(`select tenant_id as id from ${column.table} where id = ?`, place.rowId) : [];
      expect([nameOf(column), place.tenantId]).toEqual([nameOf(column), row?.id ?? null]);
    }
  });

  it('opens in no row, no column and no table but its own', () => {
    for (const { column, ciphertext, place } of sealed) {
      const others = sealed.filter((other) => other.place !== place).map((other) => ({ ...other.place, tenantId: place.tenantId }));
      expect([nameOf(column), others.filter((other) => opens(ciphertext, other))]).toEqual([nameOf(column), []]);
    }
  });

  it('opens for no tenant but its own', () => {
    for (const { column, ciphertext, place } of sealed) {
      const others = [null, acme.id, globex.id].filter((tenantId) => tenantId !== place.tenantId).map((tenantId) => ({ ...place, tenantId }));
      expect([nameOf(column), others.filter((other) => opens(ciphertext, other))]).toEqual([nameOf(column), []]);
    }
  });
});

describe('a bundle that an owner of the database put into the row of another', () => {
  it('is given to nobody', async () => {
    const own = await sql<{ id: string; sealed: Buffer }>('select id, bundle_ciphertext as sealed from nats_leaf_servers order by id');
    const put = (id: string, bundle: Buffer) => sql('update nats_leaf_servers set bundle_ciphertext = ? where id = ? returning id', bundle, id);
    await put(own[0]!.id, own[1]!.sealed);
    expect((await acme.api.get(`/admin/edge-sites/${furnished.siteId}/bundle`)).status).toBe(500);
    await put(own[0]!.id, own[0]!.sealed);
    expect((await acme.api.get(`/admin/edge-sites/${furnished.siteId}/bundle`)).status).toBe(200);
  });
});

describe('a tenant to which an owner of the database gave all that another has', () => {
  const TABLES = [
    'certificates', 'collector_packages', 'edge_sites', 'nats_account_keys', 'nats_accounts', 'nats_leaf_servers', 'nats_users', 'onboarding_packages', 'tenant_cas',
  ];
  const HOLLOW = '0197a000-0000-7000-8000-000000000000';
  const GOOD = { 'the bundle of a site': 200, 'the bundle of a collector': 200, 'the bundle of an agent': 200, 'a certificate': 201 };
  let hollow: Api;

  const give = async (from: string, to: string) => {
    for (const table of TABLES) await sql(`update ${table} set tenant_id = ? where tenant_id = ? returning tenant_id`, to, from);
  };
  const outcomes = async (api: Api, componentId: string) => ({
    'the bundle of a site': (await api.get(`/admin/edge-sites/${furnished.siteId}/bundle`)).status,
    'the bundle of a collector': await download('collectors', furnished.collectorId, api),
    'the bundle of an agent': await download('edge-packages', furnished.agentId, api),
    'a certificate': (
      await api.post('/admin/edge-packages', { label: 'New', component_type: 'agent', component_id: componentId, edge_site_id: furnished.siteId })
    ).status,
  });

  beforeAll(async () => {
    // The sweeps of a worker would try to go on with what was given.
    await app.restart({ ...ENV, ROLES: 'api' });
    const own = JSON.stringify({ id: HOLLOW, slug: 'hollow', name: 'Hollow' });
    await sql('insert into tenants select (jsonb_populate_record(tenants, ?::jsonb)).* from tenants where id = ? returning id', own, acme.id);
    hollow = await app.keyOf('hollow', 'admin');
  });

  it('can use none of it, though the service has opened some of it before', async () => {
    expect(await outcomes(acme.api, 'new')).toEqual(GOOD);
    await give(acme.id, HOLLOW);
    expect(await outcomes(hollow, 'newer')).toEqual(Object.fromEntries(Object.keys(GOOD).map((what) => [what, 500])));
  });

  it('leaves it good for its owner, who gets it back', async () => {
    await give(HOLLOW, acme.id);
    expect(await outcomes(acme.api, 'newest')).toEqual(GOOD);
  });
});
