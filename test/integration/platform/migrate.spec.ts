import { Client } from 'pg';
import { migrate } from '../../../src/platform/database/index.js';
import { migrations } from '../../../migrations/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase();
});
afterAll(() => database.close());

async function asOwner<T extends object>(sql: string): Promise<T[]> {
  const client = new Client({ connectionString: database.ownerUrl });
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
