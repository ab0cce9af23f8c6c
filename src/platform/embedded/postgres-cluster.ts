import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '#libs/kernel';
import { freePort, isPortFree } from './free-port.js';
import { lastLines, rotateLog } from './log-file.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import type { PostgresHome } from './postgres-home.js';
import { findProcess, waitUntilGone } from './process-identity.js';

export const SUPERUSER = 'postgres';

/** What a running server says of itself in postmaster.pid (PostgreSQL, src/include/utils/pidfile.h). */
interface Postmaster {
  pid: number;
  port: number;
  status: string;
}

const LOOPBACK = '127.0.0.1';

/** On the command line rather than in postgresql.conf, so that a new version of this list holds for old databases too. */
const SETTINGS = {
  listen_addresses: LOOPBACK,
  max_connections: '200',
  shared_buffers: '128MB',
  max_wal_senders: '0',
  wal_level: 'minimal',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

/** The name of a server's socket is this and its port. */
const SOCKET = '.s.PGSQL.';

/** A socket's path has at most 107 bytes (unix(7)), and the directory is named in a line that a shell reads. */
const SOCKET_DIRECTORY = /^[\w./-]{1,90}$/;

/** How long start, recovery after a crash, and stop may take, in seconds. */
const LIMIT = 60;
const POLL_INTERVAL = 20;
const PORT_ATTEMPTS = 5;

/** One PostgreSQL database cluster in `<home>/data`: made, started, found running, stopped. */
export class PostgresCluster {
  constructor(
    private readonly home: PostgresHome,
    private readonly binaries: PostgresBinaries,
  ) {}

  get directory(): string {
    return this.path('data');
  }

  get exists(): boolean {
    return existsSync(this.path('data'));
  }

  get isRunning(): boolean {
    return this.postmaster() !== undefined;
  }

  /**
   * Where a server on this port is dialled: the directory of its socket, which takes half of what TCP costs on loopback and which only the
   * server's own account and root can reach. 127.0.0.1 where the path is none for a socket.
   */
  hostOf(port: number): string {
    return existsSync(this.path(`${SOCKET}${port}`)) ? this.home.path : LOOPBACK;
  }

  /** Makes the cluster; whole, or not at all. `password` becomes that of the superuser `postgres`. */
  async initialise(password: string): Promise<void> {
    const passwordFile = this.path('initial-password');
    rmSync(this.path('data.partial'), { recursive: true, force: true });
    rmSync(passwordFile, { force: true });
    writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
    if (this.home.account !== undefined) chownSync(passwordFile, this.home.account.uid, this.home.account.gid);
    try {
      await this.run(this.binaries.initdb, [
        ...['-D', 'data.partial', '-U', SUPERUSER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
      ]);
      renameSync(this.path('data.partial'), this.path('data'));
    } finally {
      rmSync(passwordFile, { force: true });
    }
  }

  /**
   * Sees to it that the server runs: adopts one that does, starts one otherwise.
   *
   * @param preferredPort taken unless another program has it
   * @param answers whether the server on a port can be logged in to: one that is being killed still looks alive
   * @returns the port that the server listens on
   * @throws DomainError unavailable if it does not start; the message ends with what PostgreSQL said
   */
  async ensureRunning(preferredPort: number, answers: (port: number) => Promise<boolean>): Promise<number> {
    let port = preferredPort;
    for (let attempt = 1; ; attempt += 1) {
      const adopted = await this.adopt(answers);
      if (adopted !== undefined) return adopted;
      if (attempt > 1 || !(await isPortFree(port))) port = await freePort();
      this.removeRecycledPidFile();
      this.removeSockets();
      try {
        await this.start(port);
        return port;
      } catch (error) {
        // Another program may have taken the port since, or a start that was cut off may have gone on without us.
        if (attempt === PORT_ATTEMPTS || (this.postmaster() === undefined && !this.saidPortIsTaken())) throw error;
      }
    }
  }

  /** Ends the server, and its sessions with it. Does nothing if it is not running. */
  async stop(): Promise<void> {
    const postmaster = this.postmaster();
    const server = postmaster && findProcess(postmaster.pid);
    if (server === undefined) return;
    await this.pgCtl('stop', '-m', 'fast').catch(() => this.pgCtl('stop', '-m', 'immediate'));
    // pg_ctl only waits for the pid file to go, which is not quite the end.
    await waitUntilGone(server, LIMIT * 1_000);
  }

  /** Waits for a server that starts, recovers or stops to be done with it. The port of one that is up; undefined if none is. */
  private async adopt(answers: (port: number) => Promise<boolean>): Promise<number | undefined> {
    const deadline = performance.now() + LIMIT * 1_000;
    while (performance.now() < deadline) {
      const postmaster = this.postmaster();
      if (postmaster === undefined && !this.hasOrphans()) return undefined;
      if (postmaster?.status === 'ready' && (await answers(postmaster.port))) return postmaster.port;
      await sleep(POLL_INTERVAL);
    }
    throw this.failure(`PostgreSQL in ${this.home.path} neither comes up nor ends`);
  }

  private async start(port: number): Promise<void> {
    rotateLog(this.path('server.log'));
    const settings = Object.entries({ ...SETTINGS, unix_socket_directories: this.socketDirectory }).map(([name, value]) => `-c ${name}=${value}`);
    await this.pgCtl('start', '-l', 'server.log', '-o', [`-p ${port}`, ...settings].join(' '));
  }

  private get socketDirectory(): string {
    return SOCKET_DIRECTORY.test(this.home.path) ? this.home.path : "''";
  }

  /** Of a server that was killed: another process may have its id by now, and a new server would take that for it. */
  private removeSockets(): void {
    for (const file of readdirSync(this.home.path)) if (file.startsWith(SOCKET)) rmSync(this.path(file), { force: true });
  }

  /** The server of this cluster, if it runs. */
  private postmaster(): Postmaster | undefined {
    const recorded = this.recordedPostmaster();
    return recorded !== undefined && this.isOurs(recorded.pid) ? recorded : undefined;
  }

  private recordedPostmaster(): Postmaster | undefined {
    try {
      const [pid, , , port, , , , status] = readFileSync(this.path('data/postmaster.pid'), 'utf8').split('\n');
      return { pid: Number(pid), port: Number(port), status: status?.trim() ?? '' };
    } catch {
      return undefined;
    }
  }

  /** A server works in its data directory, which no other program has reason to do. */
  private isOurs(pid: number): boolean {
    try {
      return findProcess(pid) !== undefined && readlinkSync(`/proc/${pid}/cwd`) === this.path('data');
    } catch {
      return false;
    }
  }

  /** PostgreSQL would take any process that was given the number of a dead server for that server, and refuse to start. */
  private removeRecycledPidFile(): void {
    const recorded = this.recordedPostmaster();
    if (recorded !== undefined && existsSync(`/proc/${recorded.pid}`)) rmSync(this.path('data/postmaster.pid'), { force: true });
  }

  /** Whether a session of a killed server is still at work: it ends by itself, but until then the files are not ours. */
  private hasOrphans(): boolean {
    return this.recordedPostmaster() !== undefined && readdirSync('/proc').some((entry) => this.isOurs(Number(entry)));
  }

  private saidPortIsTaken(): boolean {
    return lastLines(this.path('server.log'), 10).some((line) => line.includes('Address already in use'));
  }

  /** Paths are relative to home: pg_ctl hands them to a shell. */
  private pgCtl(command: string, ...more: string[]): Promise<void> {
    return this.run(this.binaries.pgCtl, [command, '-D', 'data', '-w', '-t', String(LIMIT), ...more]);
  }

  private async run(program: string, parameters: string[]): Promise<void> {
    // Without our environment: PGDATA, PGOPTIONS and the like would reach the server. In a session of its own: Ctrl-C would end pg_ctl, and
    // leave behind the server that it has just started.
    const env = { LC_ALL: 'C', PATH: '/usr/bin:/bin' };
    const child = spawn(program, parameters, { ...this.home.account, cwd: this.home.path, env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = Promise.all([text(child.stderr), once(child, 'close')]).catch((cause: unknown) => {
      throw this.failure(`PostgreSQL: ${program} cannot be run.`, cause);
    });
    const [stderr, exit] = await ended;
    const [code, signal] = exit as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw this.failure(`PostgreSQL: ${program} failed (${signal ?? `code ${code}`}). ${stderr.trim()}`);
  }

  private failure(message: string, cause?: unknown): DomainError {
    const said = lastLines(this.path('server.log'), 5).join('\n');
    return new DomainError('unavailable', said === '' ? message : `${message}\n${said}`, { cause });
  }

  private path(name: string): string {
    return join(this.home.path, name);
  }
}
