import { Pool, type PoolConfig } from 'pg';
import { parseConfig } from '../../../src/platform/config/index.js';
import { DatabaseUrls } from '../../../src/platform/database/index.js';
import { queueOptions } from '../../../src/platform/queue/queue.module.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

describe('a connection that the queue holds between two statements', () => {
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await startTestDatabase();
    const { ownerUrl, serviceUrl, jobsUrl } = database;
    const { connection } = queueOptions(parseConfig({ NODE_ENV: 'test' }), new DatabaseUrls(ownerUrl, serviceUrl, jobsUrl));
    // As BullMQ makes it.
    pool = new Pool(connection as PoolConfig);
  });

  afterAll(async () => {
    await pool.end();
    await database.close();
  });

  it('fails what comes next on it when the server ends it, and nothing else', async () => {
    const held = await pool.connect();
    const { rows } = await held.query<{ pid: number }>('select pg_backend_pid() as pid');
    // Not events.once(): it would listen to the error, too.
    const ended = new Promise((resolve) => held.once('end', resolve));
    await pool.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
    await ended;
    await expect(held.query('select 1')).rejects.toThrow(/not queryable/);
    held.release();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });
});
