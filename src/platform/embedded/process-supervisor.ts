import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { lastLines, rotateLog } from './log-file.js';
import { commandLine, findProcess, isSameProcess, parseStat, type ProcessIdentity, waitUntilGone } from './process-identity.js';

export interface ProcessSpec {
  /** Names the files `<name>.pid` and `<name>.log`, and the process in messages. */
  name: string;
  command: string;
  arguments: string[];
  /** Where the pid file and the log are kept; it exists. */
  directory: string;
  log: (line: string) => void;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** How long a process may take to end after SIGTERM before it gets SIGKILL, in milliseconds. */
const TERMINATION_LIMIT = 10_000;

/** Waits between restarts, in milliseconds: doubled from the first to the last, and the first again after a calm time. */
const BACKOFF = { first: 100, last: 5_000, calm: 30_000 };

/**
 * The shell records itself, then becomes the process: one that outlives us is on record even if we end in the very moment of
 * starting it. An exec keeps the pid and the start time.
 */
const RECORD_AND_EXEC = 'read -r stat < "/proc/$$/stat" && printf "%s\\n" "$stat" > "$0" && exec "$@"';

/**
 * Runs one child process, in a session of its own: Ctrl-C in the terminal reaches us but not the child, and we decide when it
 * ends. What an earlier life of ours left running is found by its pid file, and is only touched if start time and command line
 * say that it is the same process.
 */
export class ProcessSupervisor extends EventEmitter<{ start: [pid: number]; exit: [ProcessExit] }> {
  private child: ChildProcess | undefined;
  private stopping = false;
  private restarting = false;
  private attempt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly spec: ProcessSpec) {
    super();
  }

  /** The process that runs now; undefined between two lives of it. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** The last lines that the process wrote, oldest first. */
  lastLines(count: number): string[] {
    return lastLines(this.logFile, count);
  }

  /** Ends what an earlier life of this process left running, if anything. */
  async endPrevious(): Promise<void> {
    const previous = this.recorded();
    if (previous !== undefined) {
      this.spec.log(`Ending ${this.spec.name} (pid ${previous.pid}), which an earlier start left running`);
      signal(previous, 'SIGTERM');
      if (!(await waitUntilGone(previous, TERMINATION_LIMIT))) {
        signal(previous, 'SIGKILL');
        await waitUntilGone(previous, TERMINATION_LIMIT);
      }
    }
    rmSync(this.pidFile, { force: true });
  }

  /** Starts the process. That it is ready, or even that it could be run, shows later: see `exit` and `lastLines`. */
  start(): void {
    rotateLog(this.logFile);
    const log = openSync(this.logFile, 'a', 0o600);
    const { command, name } = this.spec;
    const child = spawn('/bin/sh', ['-c', RECORD_AND_EXEC, this.pidFile, command, ...this.spec.arguments], {
      detached: true,
      stdio: ['ignore', log, log],
      // Ours may hold encryption keys and passwords, which are nobody else's business.
      env: {},
    });
    closeSync(log);
    this.child = child;
    const startedAt = performance.now();
    child.once('exit', (code, signal) => this.ended(startedAt, { code, signal }));
    child.once('error', (error) => {
      this.spec.log(`${name}: ${error.message}`);
      if (child.pid === undefined) this.ended(startedAt, { code: null, signal: null });
    });
    if (child.pid !== undefined) this.emit('start', child.pid);
  }

  /** From now on, starts the process again whenever it ends by itself. */
  keepRunning(): void {
    this.restarting = true;
  }

  /** Ends the process, which is started again if it is kept running. */
  renew(): void {
    this.child?.kill('SIGTERM');
  }

  /** Ends the process for good: SIGTERM, and SIGKILL if it takes too long. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    const child = this.child;
    if (child !== undefined) {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      const limit = setTimeout(() => child.kill('SIGKILL'), TERMINATION_LIMIT);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(limit);
    }
    rmSync(this.pidFile, { force: true });
  }

  /** The process that the pid file speaks of, if it still is that one. */
  recorded(): ProcessIdentity | undefined {
    let record: string;
    try {
      record = readFileSync(this.pidFile, 'utf8');
    } catch {
      return undefined;
    }
    const recorded = parseStat(record);
    if (recorded === undefined || !isSameProcess(recorded, findProcess(recorded.pid))) return undefined;
    // After a reboot, start times begin anew and could coincide.
    const [, ...found] = commandLine(recorded.pid);
    return found.join('\0') === this.spec.arguments.join('\0') ? recorded : undefined;
  }

  private ended(startedAt: number, exit: ProcessExit): void {
    this.child = undefined;
    if (performance.now() - startedAt > BACKOFF.calm) this.attempt = 0;
    if (this.restarting && !this.stopping) this.restartLater(exit);
    this.emit('exit', exit);
  }

  private restartLater({ code, signal }: ProcessExit): void {
    const wait = Math.min(BACKOFF.first * 2 ** this.attempt, BACKOFF.last);
    this.attempt += 1;
    this.spec.log(`${this.spec.name} ended (${signal ?? `exit code ${code}`}); starting it again in ${wait} ms`);
    this.timer = setTimeout(() => this.start(), wait);
  }

  private get pidFile(): string {
    return join(this.spec.directory, `${this.spec.name}.pid`);
  }

  private get logFile(): string {
    return join(this.spec.directory, `${this.spec.name}.log`);
  }
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (isSameProcess(identity, findProcess(identity.pid))) process.kill(identity.pid, name);
}
