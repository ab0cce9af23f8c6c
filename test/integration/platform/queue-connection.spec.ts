import { Queue, Worker } from 'bullmq';
import pg, { Pool, type PoolConfig } from 'pg';
import { until } from '../../../lab/until.js';
import { parseConfig } from '../../../src/platform/config/index.js';
import { DatabaseUrls } from '../../../src/platform/database/index.js';
import { queueOptions } from '../../../src/platform/queue/queue.module.js';
import { endConnections } from '../../support/database-faults.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
let options: ReturnType<typeof queueOptions>;

beforeAll(async () => {
  database = await startTestDatabase();
  const { ownerUrl, serviceUrl, jobsUrl } = database;
  options = queueOptions(parseConfig({ NODE_ENV: 'test' }), new DatabaseUrls(ownerUrl, serviceUrl, jobsUrl));
});
afterAll(() => database.close());

describe('a connection that the queue holds between two statements', () => {
  it('fails what comes next on it when the server ends it, and nothing else', async () => {
    // As BullMQ makes it.
    const pool = new Pool(options.connection as PoolConfig);
    const held = await pool.connect();
    const { rows } = await held.query<{ pid: number }>('select pg_backend_pid() as pid');
    // Not events.once(): it would listen to the error, too.
    const ended = new Promise((resolve) => held.once('end', resolve));
    await pool.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
    await ended;
    await expect(held.query('select 1')).rejects.toThrow(/not queryable/);
    held.release();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});

describe('the connection on which the queue waits for jobs', () => {
  it('tells whoever begins to listen that it has been ended before', async () => {
    const waiting = new pg.Client(options.connection as pg.ClientConfig);
    await waiting.connect();
    const ended = new Promise((resolve) => waiting.once('end', resolve));
    await endConnections(database);
    await ended;
    const told = await new Promise<Error>((resolve) => waiting.on('error', resolve));
    expect(told.message).toMatch(/terminating connection|Connection terminated/);
  });

  it('is made anew by the queue, however often it is ended', async () => {
    const done: string[] = [];
    const queue = new Queue('waiting', options);
    const worker = new Worker('waiting', async ({ name }) => void done.push(name), { ...options, runRetryDelay: 100 });
    queue.on('error', () => undefined);
    worker.on('error', () => undefined);
    for (const name of ['first', 'second', 'third']) {
      await until(`${name} is added`, () => queue.add(name, {}));
      await until(`${name} is done`, () => done.includes(name));
      await endConnections(database);
    }
    await worker.close();
    await queue.close();
  });
});
