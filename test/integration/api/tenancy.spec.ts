import { entities } from '#libs/model';
import { Client } from 'pg';
import { ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let one: { id: string; slug: string };
let two: { id: string; slug: string };

beforeAll(async () => {
  app = await startTestApp();
  for (const name of ['One', 'Two']) {
    const tenant = await app.tenant(name);
    // What a provisioned site has: certificates, a NATS user.
    const { id } = await ok(tenant.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'x' }));
    await until('the leaf is provisioned', async () => {
      const { body } = await tenant.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`);
      return body.leaf_server.status === 'provisioned';
    });
    await ok(tenant.api.post(`/admin/edge-sites/${id}/download-tokens`));
    if (name === 'One') one = tenant;
    else two = tenant;
  }
  const seals = () => app.database.database.em(PLATFORM).execute('select from audit_seals where tenant_id = ?', [one.id]);
  await until('what was done is sealed', async () => (await seals()).length > 0);
});
afterAll(() => app.close());

/** Runs SQL as the service's login. */
async function asService<T extends object>(work: (client: Client) => Promise<{ rows: T[] }>): Promise<T[]> {
  const client = new Client({ connectionString: app.database.serviceUrl });
  await client.connect();
  try {
    return (await work(client)).rows;
  } finally {
    await client.end();
  }
}

const TENANT_TABLES = ['api_keys', 'audit_events', 'audit_seals', 'certificates', 'download_tokens', 'edge_sites', 'nats_accounts', 'nats_leaf_servers', 'nats_users', 'tenant_cas'];

describe('row-level security', () => {
  it('is forced on every table of the service', async () => {
    const tables = await asService<{ relname: string; on: boolean }>((client) =>
      client.query(
        `select relname, relrowsecurity and relforcerowsecurity as on from pg_class
         where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'mikro_orm_migrations'`,
      ),
    );
    expect(tables.filter(({ on }) => !on)).toEqual([]);
    // Seals, what waits for one, and what is told are the database's own; calls and published results are counted by statements alone, and watches noted.
    const without = ['agent_results', 'audit_seals', 'audit_unsealed', 'change_events', 'change_events_swept', 'rate_limits', 'watches'];
    expect(tables.map(({ relname }) => relname)).toEqual(expect.arrayContaining(without));
    expect(tables).toHaveLength(entities.length + without.length);
  });

  it.each(TENANT_TABLES)('shows a session of one tenant no row of another’s in %s', async (table) => {
    const rows = await asService<{ tenant_id: string }>(async (client) => {
      await client.query(`select set_config('app.tenant_id', $1, false)`, [one.id]);
      return client.query(`select tenant_id from ${table}`);
    });
    expect(rows.filter(({ tenant_id }) => tenant_id !== one.id)).toEqual([]);
    expect(rows).not.toEqual([]);
  });

  it.each(TENANT_TABLES)('shows a session without a tenant nothing of %s', async (table) => {
    expect(await asService((client) => client.query(`select 1 from ${table}`))).toEqual([]);
  });

  it('lets a tenant read of the operator which version it is, and nothing else', async () => {
    expect(await asService((client) => client.query('select version from nats_operators'))).toHaveLength(1);
    for (const column of ['id', 'jwt', 'identity_seed_ciphertext', 'hub_signing_keys']) {
      await expect(asService((client) => client.query(`select ${column} from nats_operators`))).rejects.toThrow('permission denied');
    }
  });

  it.each(['nats_operators', 'nats_operator_keys', 'platform_cas'])('lets no tenant read %s', async (table) => {
    await expect(asService((client) => client.query(`select * from ${table}`))).rejects.toThrow('permission denied');
  });

  it('lets a tenant write no row of another’s', async () => {
    const write = asService(async (client) => {
      await client.query(`select set_config('app.tenant_id', $1, false)`, [one.id]);
      return client.query(
        `insert into edge_sites (id, tenant_id, status, name, slug, labels, server_sans, created_at, updated_at)
         values (gen_random_uuid(), $1, 'pending', 'x', 'stolen', '{}', '[]', now(), now())`,
        [two.id],
      );
    });
    await expect(write).rejects.toThrow('row-level security');
  });

  it('keeps audit rows from being changed or removed, even by the platform', async () => {
    for (const statement of [`update audit_events set actor = 'nobody'`, 'delete from audit_events', 'truncate audit_events']) {
      const change = asService(async (client) => {
        await client.query('set role app_platform');
        return client.query(statement);
      });
      await expect(change).rejects.toThrow('permission denied');
    }
  });

  it('holds for the service, whose login owns nothing and can do nothing special', async () => {
    const [login] = await asService<{ special: boolean; owns: number }>((client) =>
      client.query(
        `select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb as special,
                (select count(*)::int from pg_class where relowner = r.oid) as owns
         from pg_roles r where rolname = current_user`,
      ),
    );
    expect(login).toEqual({ special: false, owns: 0 });
  });
});

describe('the ORM’s filter', () => {
  it('holds even where row-level security would show all', async () => {
    const { EdgeSite } = await import('#libs/model');
    const em = app.database.database.em({ tenantId: one.id });
    em.setSessionContext({ role: 'app_platform' });
    const sites = await em.find(EdgeSite, { name: 'x' });
    expect(sites.map(({ tenantId }) => tenantId)).toEqual([one.id]);
  });
});
