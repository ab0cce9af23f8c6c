import { Client } from 'pg';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await startTestDatabase();
});
afterAll(() => test.close());

/** Runs SQL as a login, in a transaction that is undone. */
async function as<Row extends object>(url: string, ...statements: string[]): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin');
    let rows: Row[] = [];
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** What only the owner's functions write: integration/audit looks after these tables. */
const SEALING = ['audit_event_written()', 'seal_audit_events(integer)'];

/** Tables of tenants' rows, but for those of the sealing, whose row-level security is not forced, or not by the policy that reads the session's tenant. Their owner may
 * insert, as foreign keys and their triggers do. */
const UNGUARDED = `
  select c.oid::regclass::text as table
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
   where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and c.relname not in ('audit_seals', 'audit_unsealed')
     and not (c.relrowsecurity and c.relforcerowsecurity
       and exists (select from pg_policy p
                    where p.polrelid = c.oid and p.polname = 'tenant' and p.polroles = array['app'::regrole::oid] and p.polcmd = '*' and p.polpermissive
                      and pg_get_expr(p.polqual, p.polrelid) like '(tenant_id = %app_tenant_id()%'
                      and pg_get_expr(p.polwithcheck, p.polrelid) like '(tenant_id = %app_tenant_id()%')
       and not exists (select from pg_policy p
                        where p.polrelid = c.oid and p.polname <> 'tenant' and p.polroles <> array['app_platform'::regrole::oid]
                          and not (p.polcmd = 'a' and p.polroles = array[c.relowner])))`;

describe('a table with a tenant_id', () => {
  it('has row-level security forced, by the tenant of the session and nothing else', async () => {
    expect(await as(test.ownerUrl, UNGUARDED)).toEqual([]);
  });

  const column = 'create table forgotten (tenant_id uuid)';
  const on = 'alter table forgotten enable row level security';
  const forced = 'alter table forgotten force row level security';
  const policy = (using: string) => `create policy tenant on forgotten to app using (${using}) with check (${using})`;
  const right = policy('tenant_id = (select app_tenant_id())');
  it.each([
    ['has none', [column]],
    ['does not force it', [column, on, right]],
    ['has no policy', [column, on, forced]],
    ['has a policy that lets all through', [column, on, forced, policy('true')]],
    ['has another policy beside', [column, on, forced, right, 'create policy more on forgotten to app using (true)']],
  ])('would be found here if it %s', async (_how, statements) => {
    expect(await as(test.ownerUrl, ...statements, UNGUARDED)).toEqual([{ table: 'forgotten' }]);
  });

  it('would not be found here if all is right', async () => {
    expect(await as(test.ownerUrl, column, on, forced, right, UNGUARDED)).toEqual([]);
  });
});

describe('what goes around row-level security', () => {
  it('is not there: no view that reads as its owner, no function that runs as its owner but those that seal the audit trail', async () => {
    const ways = await as(
      test.ownerUrl,
      `select oid::regclass::text as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
          and not coalesce(reloptions @> array['security_invoker=true'], false)
       union all
       select oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace and prosecdef`,
    );
    expect(ways).toEqual(SEALING.map((name) => ({ name })));
  });

  it('is open to no login: a table’s owner sees no tenant’s rows', async () => {
    const [row] = await as(test.ownerUrl, `select row_security_active('edge_sites') as active`);
    expect(row).toEqual({ active: true });
  });
});

describe.each([
  ['the service’s role', []],
  ['the role it takes for the platform', ['set role app_platform']],
])('%s', (_role, first) => {
  it('is no superuser, bypasses nothing, and owns nothing', async () => {
    const rows = await as(
      test.serviceUrl,
      ...first,
      `select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as special,
              (select count(*)::int from pg_class where relowner = r.oid) + (select count(*)::int from pg_proc where proowner = r.oid)
                + (select count(*)::int from pg_namespace where nspowner = r.oid) as owns
         from pg_roles r where rolname = current_user`,
    );
    expect(rows).toEqual([{ special: false, owns: 0 }]);
  });

  it('may become no role but the platform’s', async () => {
    const rows = await as<{ rolname: string }>(
      test.serviceUrl,
      `select rolname from pg_roles where pg_has_role('app', oid, 'set') and rolname <> 'app'`,
    );
    expect(rows).toEqual([{ rolname: 'app_platform' }]);
  });

  it('may do nothing to a table but read and write its rows', async () => {
    const rights = await as(
      test.serviceUrl,
      ...first,
      `select relname, privilege from pg_class, unnest(array['truncate', 'references', 'trigger', 'maintain']) privilege
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and has_table_privilege(oid, privilege)`,
    );
    expect(rights).toEqual([]);
  });

  it.each([
    ['alter table edge_sites disable row level security', 'must be owner'],
    ['alter table edge_sites no force row level security', 'must be owner'],
    ['alter table edge_sites disable trigger all', 'must be owner'],
    ['drop policy tenant on edge_sites', 'must be owner'],
    ['alter policy tenant on edge_sites using (true)', 'must be owner'],
    ['create policy mine on edge_sites using (true)', 'must be owner'],
    ['create or replace function app_tenant_id() returns uuid language sql as $$ select null::uuid $$', 'permission denied'],
    ['create table mine (id int)', 'permission denied'],
    ['truncate edge_sites cascade', 'permission denied'],
    ['alter role app bypassrls', 'permission denied'],
    ['set session_replication_role = replica', 'permission denied'],
    ['set role serviceradar_owner', 'permission denied'],
    ['set session authorization serviceradar_owner', 'permission denied'],
  ])('may not %s', async (statement, refusal) => {
    await expect(as(test.serviceUrl, ...first, statement)).rejects.toThrow(refusal);
  });

  it('is refused when it asks to be shown rows without row-level security', async () => {
    await expect(as(test.serviceUrl, ...first, 'set row_security = off', 'select 1 from edge_sites')).rejects.toThrow('would be affected by row-level security');
  });
});
