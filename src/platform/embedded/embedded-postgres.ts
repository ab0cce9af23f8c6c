import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DomainError, type Random, systemRandom } from '#libs/kernel';
import { lockDirectory } from './directory-lock.js';
import { freePort, isPortFree } from './free-port.js';
import { postgresBinaries } from './postgres-binaries.js';
import { PostgresCluster, SUPERUSER } from './postgres-cluster.js';
import { newCredentials, type PostgresCredentials, readCredentials, writeCredentials } from './postgres-credentials.js';
import { preparePostgresHome } from './postgres-home.js';
import { JOBS_SCHEMA, ROLES, roleStatements } from './postgres-roles.js';

export interface EmbeddedPostgresOptions {
  dataDir: string;
  log: (line: string) => void;
  random?: Random;
}

/** The URLs hold passwords. */
export interface EmbeddedPostgres {
  /** Logs in as `serviceradar_owner`: for migrations. */
  ownerUrl: string;
  /** Logs in as `app`: for the service. */
  serviceUrl: string;
  /** Logs in as `jobs`: for the queue. */
  jobsUrl: string;
  /** Whether this process leads the server, as against using one that another process with the same data directory leads. */
  leader: boolean;
  /** Starts the server again if this process leads it and it has ended. To be called now and then. */
  revive(): Promise<void>;
  /** Stops the server if this process leads it, whether it started or adopted it. */
  stop(): Promise<void>;
}

const DATABASE = 'serviceradar';

/** How long a process waits for another to have started the server that both use, in milliseconds. */
const FOLLOWER_LIMIT = 30_000;
const POLL_INTERVAL = 50;

/**
 * Starts PostgreSQL on a port of 127.0.0.1 and a socket, in `<dataDir>/postgres`, and makes database and roles at the first start. A server that
 * an earlier life of this process left running is adopted. Logins and port are kept in `<dataDir>/postgres.json` (mode 0600).
 *
 * @throws DomainError unavailable if it does not start, invalid_configuration if it cannot on this machine or with this directory
 */
export async function startEmbeddedPostgres({ dataDir, log, random = systemRandom }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  mkdirSync(dataDir, { recursive: true });
  const credentialsFile = join(resolve(dataDir), 'postgres.json');
  const lock = await lockDirectory(dataDir, 'postgres');
  if (lock === undefined) return follow(credentialsFile);
  try {
    const home = preparePostgresHome(resolve(dataDir));
    const cluster = new PostgresCluster(home, postgresBinaries(home.account));
    const credentials = await lead(cluster, credentialsFile, log, random);
    let stopped: Promise<void> | undefined;
    // Once: later on, the server may be another leader's.
    const stop = (): Promise<void> => (stopped ??= cluster.stop().finally(() => lock.release()));
    const revive = async (): Promise<void> => {
      if (stopped !== undefined || cluster.isRunning) return;
      const taken = new DomainError('unavailable', `Port ${credentials.port} of the embedded PostgreSQL is taken by another program; it is tried again.`);
      if (!(await isPortFree(credentials.port))) throw taken;
      log('The embedded PostgreSQL has ended; it is started again');
      const port = await cluster.ensureRunning(credentials.port, loginOf(credentials));
      if (port === credentials.port) return;
      // Taken just now. Who was told the old one would not find it there.
      await cluster.stop();
      throw taken;
    };
    return { ...urls(credentials), leader: true, revive, stop };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Whether the server on a port lets the superuser of these credentials in. */
const loginOf =
  ({ passwords }: PostgresCredentials) =>
  (port: number): Promise<boolean> =>
    answers(url(SUPERUSER, passwords.superuser, port, 'postgres'), 'select 1');

async function lead(cluster: PostgresCluster, file: string, log: (line: string) => void, random: Random): Promise<PostgresCredentials> {
  const credentials = await credentialsOf(cluster, file, random);
  if (!cluster.exists) {
    log(`Making the embedded PostgreSQL in ${cluster.directory}`);
    await cluster.initialise(credentials.passwords.superuser);
    credentials.prepared = undefined;
  }
  try {
    const port = await cluster.ensureRunning(credentials.port, loginOf(credentials));
    if (port !== credentials.port) log(`Port ${credentials.port} was taken; the embedded PostgreSQL listens on ${port}`);
    credentials.port = port;
    credentials.host = cluster.hostOf(port);
    credentials.prepared = await prepareDatabase(credentials);
    writeCredentials(file, credentials);
    return credentials;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function credentialsOf(cluster: PostgresCluster, file: string, random: Random): Promise<PostgresCredentials> {
  const kept = readCredentials(file);
  if (kept !== undefined) return kept;
  if (cluster.exists) {
    throw new DomainError('invalid_configuration', `There is a database, but ${file}, which has its logins, is missing. Put it back, or remove the database.`);
  }
  const credentials = newCredentials(await freePort(), random);
  writeCredentials(file, credentials);
  return credentials;
}

/** Another process leads the server: waits until that has it ready. */
async function follow(credentialsFile: string): Promise<EmbeddedPostgres> {
  const deadline = performance.now() + FOLLOWER_LIMIT;
  for (;;) {
    // Read anew each time: the leader may find another port.
    const credentials = readCredentials(credentialsFile);
    if (credentials !== undefined && (await isPrepared(urls(credentials)))) {
      return { ...urls(credentials), leader: false, revive: async () => {}, stop: async () => {} };
    }
    if (performance.now() > deadline) {
      throw new DomainError('unavailable', 'Another process starts PostgreSQL in this data directory, but it does not come up.');
    }
    await sleep(POLL_INTERVAL);
  }
}

/** The queue's schema is made last and in one transaction with the rest, so when it is there, all is prepared. */
const isPrepared = ({ jobsUrl }: { jobsUrl: string }): Promise<boolean> =>
  answers(jobsUrl, `select from pg_namespace where nspname = '${JOBS_SCHEMA}'`);

/** Whether a query comes back with a row. */
async function answers(connectionString: string, query: string): Promise<boolean> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 1_000 });
  // A connection that breaks also rejects what waits for it; without a listener it would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(query)).rowCount === 1;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Makes database and roles, unless exactly that was done before. Returns what to remember it by. */
async function prepareDatabase(credentials: PostgresCredentials): Promise<string> {
  const statements = roleStatements({ database: DATABASE, passwords: credentials.passwords });
  const digest = createHash('sha256').update(statements.join(';')).digest('hex');
  if (credentials.prepared === digest) return digest;
  await asSuperuser('postgres', credentials, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  });
  await asSuperuser(DATABASE, credentials, async (client) => {
    await client.query('begin');
    for (const statement of statements) await client.query(statement);
    await client.query('commit');
  });
  return digest;
}

async function asSuperuser(database: string, credentials: PostgresCredentials, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url(SUPERUSER, credentials.passwords.superuser, credentials.port, database) });
  // A connection that breaks between two statements fails the next one; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

const url = (user: string, password: string, port: number, database = DATABASE, host = '127.0.0.1'): string =>
  `postgres://${user}:${password}@${encodeURIComponent(host)}:${port}/${database}`;

function urls({ port, host, passwords }: PostgresCredentials): Pick<EmbeddedPostgres, 'ownerUrl' | 'serviceUrl' | 'jobsUrl'> {
  return {
    ownerUrl: url(ROLES.owner, passwords.owner, port, DATABASE, host),
    serviceUrl: url(ROLES.service, passwords.service, port, DATABASE, host),
    jobsUrl: url(ROLES.jobs, passwords.jobs, port, DATABASE, host),
  };
}
