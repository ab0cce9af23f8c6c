import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { entities } from '#libs/model';
import { connect, Database, migrate, PLATFORM } from '../../../src/platform/database/index.js';
import { migrations } from '../../../migrations/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase();
});
afterAll(() => database.close());

const asOwner = <T extends object>(sql: string) => asLogin<T>(database.ownerUrl, sql);

async function asLogin<T extends object>(connectionString: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Back to what `create database` made. */
async function emptySchema(): Promise<void> {
  const tables = await asOwner<{ tablename: string }>(`select tablename from pg_tables where schemaname = 'public'`);
  await asOwner(`drop table ${tables.map(({ tablename }) => tablename).join(', ')} cascade`);
  await asOwner('drop function app_tenant_id');
}

const applied = () => asOwner<{ name: string }>('select name from mikro_orm_migrations order by id');
const NAMES = migrations.map(({ name }) => name);

describe('migrations of processes that start together', () => {
  it('run once each, and no process fails', async () => {
    await emptySchema();
    const ran = await Promise.all(Array.from({ length: 4 }, () => migrate(database.ownerUrl)));
    expect(ran.filter((names) => names.length > 0)).toEqual([NAMES]);
    expect((await applied()).map(({ name }) => name)).toEqual(NAMES);
  });

  it('do nothing on a database that is up to date', async () => {
    expect(await migrate(database.ownerUrl)).toEqual([]);
    expect(await applied()).toHaveLength(NAMES.length);
  });
});

describe('the migration to sealed bundles', () => {
  it('has what was provisioned before provisioned anew, and leaves alone what is pending', async () => {
    await emptySchema();
    await migrateUpTo('Migration20261124_1_initial');
    const tenant = `'00000000-0000-4000-8000-000000000001'::uuid`;
    const site = (n: number) => `'00000000-0000-4000-8000-00000000010${n}'::uuid`;
    const leaf = (n: number, status: string) => `
      insert into edge_sites values (${site(n)}, ${tenant}, 'pending', 1, 'Site', 'site-${n}', null, '{}', '[]', null, now(), now());
      insert into nats_leaf_servers (id, tenant_id, edge_site_id, status, upstream_url, local_listen, monitor_port, jetstream_domain,
        jetstream_max_memory_bytes, jetstream_max_file_bytes, jetstream_sync_always, generation, created_at, updated_at)
      values (${site(n)}, ${tenant}, ${site(n)}, '${status}', 'tls://hub', '0.0.0.0:4222', 8222, 'edge-${n}', 1, 1, true, 3, now(), now());`;
    await asLogin(database.serviceUrl, `set role app_platform; insert into tenants values (${tenant}, 'acme', 'Acme', now()); ${leaf(1, 'connected')} ${leaf(2, 'pending')}`);

    await migrate(database.ownerUrl);
    const connections = await connect(database.serviceUrl);
    const rows = await new Database(connections).statement(PLATFORM, 'select status, generation, bundle_ciphertext from nats_leaf_servers order by id', []);
    await connections.close();
    expect(rows).toEqual([
      { status: 'pending', generation: 4, bundle_ciphertext: null },
      { status: 'pending', generation: 3, bundle_ciphertext: null },
    ]);
  });

  it('keeps row-level security forced', async () => {
    const tables = await asOwner(`select relname from pg_class where relkind = 'r' and relrowsecurity and not relforcerowsecurity`);
    expect(tables).toEqual([]);
  });
});

async function migrateUpTo(name: string): Promise<void> {
  const orm = await MikroORM.init({
    clientUrl: database.ownerUrl,
    entities,
    extensions: [Migrator],
    migrations: { migrationsList: migrations, snapshot: false },
    logger: () => undefined,
  });
  await orm.migrator.up({ to: name });
  await orm.close();
}
