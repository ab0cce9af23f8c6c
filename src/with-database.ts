import { mkdirSync } from 'node:fs';
import type { Config } from './platform/config/index.js';
import { DatabaseUrls, databaseUrls, migrate } from './platform/database/index.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './platform/embedded/index.js';
import { standardLogger } from './platform/logging/index.js';
import { Sweep } from './platform/sweep.js';

/** How soon an embedded PostgreSQL that has ended is started again, in milliseconds. */
const REVIVE_INTERVAL = 1_000;

/** A database that is up to date. */
export interface ReadyDatabase {
  urls: DatabaseUrls;
  /** Stops the server if this process started it. */
  stop: () => Promise<void>;
}

/** The database that was given, or one of the process's own; migrated. */
export async function openDatabase(config: Config): Promise<ReadyDatabase> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const given = databaseUrls(config);
  const embedded = given === undefined ? await startEmbedded(config) : undefined;
  try {
    const urls = given ?? new DatabaseUrls(embedded!.ownerUrl, embedded!.serviceUrl, embedded!.jobsUrl);
    await migrate(urls.ownerUrl);
    return { urls, stop: embedded === undefined ? async () => undefined : keepRunning(embedded, config) };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/** @returns what stops the server for good */
function keepRunning(embedded: EmbeddedPostgres, config: Config): () => Promise<void> {
  const watch = new Sweep(REVIVE_INTERVAL, () => embedded.revive(), standardLogger(config));
  watch.start();
  return async () => {
    await watch.stop();
    await embedded.stop();
  };
}

/** Runs a piece of work with the database, and stops the database if it was started for it. */
export async function withDatabase<T>(config: Config, work: (urls: DatabaseUrls) => Promise<T>): Promise<T> {
  const { urls, stop } = await openDatabase(config);
  try {
    return await work(urls);
  } finally {
    await stop();
  }
}

function startEmbedded(config: Config): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir: config.dataDir, log: (line) => standardLogger(config).debug(line, 'PostgreSQL') });
}
