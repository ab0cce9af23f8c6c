import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { newId, systemClock, systemRandom } from '#libs/kernel';
import { connect, type Connections, Database, migrate } from '../../src/platform/database/index.js';
import { lockDirectory, type Lock } from '../../src/platform/embedded/directory-lock.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/embedded/index.js';
import { SUPERUSER } from '../../src/platform/embedded/postgres-cluster.js';
import { readCredentials, type PostgresCredentials } from '../../src/platform/embedded/postgres-credentials.js';
import { roleStatements } from '../../src/platform/embedded/postgres-roles.js';

/** Kept between runs: making a cluster takes longer than starting one. */
const CLUSTERS = resolve('.cache/test-postgres');

/** A database of a suite's own, migrated, with nothing in it. */
export interface TestDatabase {
  ownerUrl: string;
  serviceUrl: string;
  jobsUrl: string;
  database: Database;
  /** With a superuser's connection to it. */
  asSuperuser<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /** Deletes every row. Call it in `beforeEach` where tests must not see each other's. */
  empty(): Promise<void>;
  /** Drops the database. Call it in `afterAll`. */
  close(): Promise<void>;
}

/**
 * Call it in `beforeAll`. A suite has its cluster to itself: whatever else runs on the machine, a test may stop the server.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const { directory, lock } = await claimCluster();
  const server = await startEmbeddedPostgres({ dataDir: directory, log: () => {} });
  try {
    const name = `test_${newId(systemClock, systemRandom).replaceAll('-', '')}`;
    const credentials = readCredentials(`${directory}/postgres.json`)!;
    await createDatabase(name, await migrated(server, credentials), credentials);
    const urls = urlsOf(server, name);
    const connections = await connect(urls.serviceUrl);
    return {
      ...urls,
      database: new Database(connections),
      asSuperuser: (work) => asSuperuser(name, credentials, work),
      empty: () => asSuperuser(name, credentials, truncateAll),
      close: () => closeAll(name, credentials, connections, server, lock),
    };
  } catch (error) {
    await server.stop();
    await lock.release();
    throw error;
  }
}

/** The first cluster that no other suite uses now, on this machine. */
async function claimCluster(): Promise<{ directory: string; lock: Lock }> {
  for (let number = 1; ; number++) {
    const directory = `${CLUSTERS}/${number}`;
    mkdirSync(directory, { recursive: true });
    const lock = await lockDirectory(directory, 'test-suite');
    if (lock !== undefined) return { directory, lock };
  }
}

/** What a migrated database comes of. */
const SCHEMA_SOURCES = [...readdirSync('migrations').map((file) => join('migrations', file)), 'src/platform/database/migrate.ts', 'src/platform/embedded/postgres-roles.ts'];

/** The migrated database of a cluster that others are copied from: to migrate takes longer than all else. @returns its name */
async function migrated(server: EmbeddedPostgres, credentials: PostgresCredentials): Promise<string> {
  const sources = SCHEMA_SOURCES.sort().map((file) => readFileSync(file, 'utf8')).join('\0');
  const name = `migrated_${createHash('sha256').update(sources).digest('hex').slice(0, 16)}`;
  const partial = `test_${name}`;
  const isThere = await asSuperuser('postgres', credentials, async (client) => {
    // What a suite that was killed left behind, and what other migrations made.
    const { rows } = await client.query<{ datname: string }>(`select datname from pg_database where datname ~ '^(test|migrated)_'`);
    for (const { datname } of rows) if (datname !== name) await client.query(`drop database ${datname} with (force)`);
    return rows.some(({ datname }) => datname === name);
  });
  if (isThere) return name;
  await createDatabase(partial, 'template1', credentials);
  await migrate(urlsOf(server, partial).ownerUrl);
  await asSuperuser('postgres', credentials, (client) => client.query(`alter database ${partial} rename to ${name}`));
  return name;
}

async function createDatabase(name: string, template: string, credentials: PostgresCredentials): Promise<void> {
  await asSuperuser('postgres', credentials, (client) => client.query(`create database ${name} template ${template}`));
  await asSuperuser(name, credentials, async (client) => {
    for (const statement of roleStatements({ database: name, passwords: credentials.passwords })) await client.query(statement);
  });
}

async function truncateAll(client: Client): Promise<void> {
  const { rows } = await client.query<{ tablename: string }>(
    `select tablename from pg_tables where schemaname = 'public' and tablename <> 'mikro_orm_migrations'`,
  );
  await client.query(`truncate ${rows.map(({ tablename }) => tablename).join(', ')}`);
}

async function closeAll(
  name: string,
  credentials: PostgresCredentials,
  connections: Connections,
  server: EmbeddedPostgres,
  lock: Lock,
): Promise<void> {
  await connections.close();
  await asSuperuser('postgres', credentials, (client) => client.query(`drop database ${name} with (force)`));
  await server.stop();
  await lock.release();
}

async function asSuperuser<T>(database: string, { port, passwords }: PostgresCredentials, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ host: '127.0.0.1', port, user: SUPERUSER, password: passwords.superuser, database });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlsOf({ ownerUrl, serviceUrl, jobsUrl }: EmbeddedPostgres, name: string) {
  const inDatabase = (url: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href;
  return { ownerUrl: inDatabase(ownerUrl), serviceUrl: inDatabase(serviceUrl), jobsUrl: inDatabase(jobsUrl) };
}
