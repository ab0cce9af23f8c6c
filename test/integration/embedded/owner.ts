/**
 * A process that owns embedded servers, for tests that kill it: `owner.ts postgres <dataDir>`, or
 * `owner.ts hub <binary> <configurationFile> <dataDir> <monitorUrl>`. Says in one line of JSON what it has started, then stays until
 * SIGTERM, on which it stops everything in order.
 */
import { startEmbeddedPostgres, startHub } from '../../../src/platform/embedded/index.js';

const log = (line: string): void => console.error(line);
const [kind, ...rest] = process.argv.slice(2);
const [first = '', configurationFile = '', dataDir = '', monitorUrl = ''] = rest;

const server =
  kind === 'postgres'
    ? await startEmbeddedPostgres({ dataDir: first, log })
    : await startHub({ binary: first, configurationFile, dataDir, monitorUrl, log, restart: true });

const stay = setInterval(() => {}, 60_000);
process.once('SIGTERM', () => {
  clearInterval(stay);
  void server.stop();
});
console.log(JSON.stringify(server));
