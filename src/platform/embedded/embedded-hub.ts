import { mkdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '#libs/kernel';
import { lockDirectory } from './directory-lock.js';
import { isPortFree } from './free-port.js';
import { type ProcessExit, ProcessSupervisor } from './process-supervisor.js';

export interface HubOptions {
  /** Path of nats-server: see `findNatsServer`. */
  binary: string;
  /** Absolute path of the configuration; its `http` must be what `monitorUrl` says. */
  configurationFile: string;
  /** Where pid file and log are kept. */
  dataDir: string;
  log: (line: string) => void;
  /** As `http://127.0.0.1:8222`. */
  monitorUrl: string;
  /** Whether to start it again when it ends by itself. */
  restart?: boolean;
  /** How long it may take to become healthy, in milliseconds. Recovering large streams takes a while. */
  startLimit?: number;
}

export interface Hub {
  /** The process that runs now; undefined between two lives of it, and for a hub that another process leads. */
  readonly pid: number | undefined;
  /** Whether this process started the hub, as against one that was found running under another process of the same data directory. */
  readonly leader: boolean;
  /** Calls back whenever the hub's process ends, wanted or not. */
  onExit(listener: (exit: ProcessExit) => void): void;
  /** Ends the hub's process if this process started it, to be started again with the configuration that it finds then. Needs `restart`. */
  renew(): void;
  /** Stops the hub if this process started it. */
  stop(): Promise<void>;
}

const DEFAULT_START_LIMIT = 60_000;
const POLL_INTERVAL = 20;
const PORT_ATTEMPTS = 5;

/**
 * Starts nats-server and waits until `/healthz` says ok (docs.nats.io, Monitoring). One that an earlier life of this process left
 * running on the same data directory is ended first; one that another living process leads is used as it is.
 *
 * @throws DomainError unavailable if it does not become healthy; the message ends with what nats-server said
 */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { dataDir, monitorUrl, startLimit = DEFAULT_START_LIMIT } = options;
  mkdirSync(dataDir, { recursive: true });
  const lock = await lockDirectory(dataDir, 'hub');
  if (lock === undefined) {
    if (!(await becomesHealthy(monitorUrl, startLimit, () => false))) {
      throw new DomainError('unavailable', `Another process runs the hub of ${dataDir}, but ${monitorUrl}/healthz does not say ok.`);
    }
    return { pid: undefined, leader: false, onExit: () => {}, renew: () => {}, stop: async () => {} };
  }

  const supervisor = new ProcessSupervisor({
    name: 'nats-server',
    command: options.binary,
    arguments: ['-c', options.configurationFile],
    directory: dataDir,
    log: options.log,
  });
  let stopped: Promise<void> | undefined;
  // Once: later on, the pid file may be another leader's.
  const stop = (): Promise<void> => (stopped ??= supervisor.stop().finally(() => lock.release()));
  try {
    await supervisor.endPrevious();
    await refuseTakenPort(monitorUrl);
    let ended = false;
    supervisor.once('exit', () => (ended = true));
    supervisor.start();
    if (!(await becomesHealthy(monitorUrl, startLimit, () => ended))) {
      const said = supervisor.lastLines(5).join('\n');
      throw new DomainError('unavailable', `The hub (nats-server) did not ${ended ? 'start' : 'become healthy in time'}:\n${said}`);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  if (options.restart === true) supervisor.keepRunning();
  return {
    get pid() {
      return supervisor.pid;
    },
    leader: true,
    onExit: (listener) => void supervisor.on('exit', listener),
    renew: () => supervisor.renew(),
    stop,
  };
}

/**
 * Runs a start on ports that were free when they were chosen, and again, up to five times, on others when one has been taken since.
 *
 * @param choose gives the same ports again when there is no choice
 * @throws whatever the last start throws
 */
export async function onFreePorts<P, T>(choose: () => Promise<P>, start: (ports: P) => Promise<T>): Promise<T> {
  let ports = await choose();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(ports);
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !PORT_IS_TAKEN.test(String(error))) throw error;
      const others = await choose();
      if (isDeepStrictEqual(others, ports)) throw error;
      ports = others;
    }
  }
}

/** What we say of the monitoring port, and nats-server of the others. */
const PORT_IS_TAKEN = /port \d+ is taken|address already in use/;

/** Another server on that port would answer for ours. */
async function refuseTakenPort(monitorUrl: string): Promise<void> {
  const port = Number(new URL(monitorUrl).port);
  if (!(await isPortFree(port))) {
    throw new DomainError('unavailable', `The hub's monitoring port ${port} is taken by another program.`);
  }
}

async function becomesHealthy(monitorUrl: string, limit: number, hasEnded: () => boolean): Promise<boolean> {
  const deadline = performance.now() + limit;
  while (!hasEnded() && performance.now() < deadline) {
    if (await isHealthy(monitorUrl)) return !hasEnded();
    await sleep(POLL_INTERVAL);
  }
  return false;
}

async function isHealthy(monitorUrl: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/healthz', monitorUrl), { signal: AbortSignal.timeout(1_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
