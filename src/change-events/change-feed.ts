import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { DatabaseUrls } from '../platform/database/index.js';
import { ChangeLog, type LoggedChanges } from './change-log.js';
import { ChangeSignal } from './change-signal.js';
import { isAfter, type Position } from './position.js';
import { RecentChanges } from './recent-changes.js';

/** Changes that are kept in memory for whoever reads a little later than others. */
const CAPACITY = 10_000;

/** How long nobody has to say that something has changed until it is looked, in milliseconds. */
const POLL = 3_000;

/** How soon it is looked again while changes wait for transactions that began before them, in milliseconds. */
const SOON = 100;

/** Changes that come in a burst are read together, in milliseconds. */
const GATHER = 25;

type Read = Pick<LoggedChanges, 'changes' | 'end' | 'more' | 'gone'>;

/**
 * Reads what changes once for all streams of the process, while there are any. Who is behind what it holds reads from the record; so nothing is kept
 * for anybody in particular.
 */
@Injectable()
export class ChangeFeed implements OnModuleDestroy {
  readonly #logger = new Logger(ChangeFeed.name);
  readonly #readers = new Set<object>();
  readonly #waiting = new Set<() => void>();
  #run: Run | undefined;

  constructor(
    private readonly log: ChangeLog,
    private readonly urls: DatabaseUrls,
  ) {}

  /** @returns what ends the interest again */
  join(): () => void {
    const reader = {};
    this.#readers.add(reader);
    this.#run ??= this.begin();
    return () => {
      this.#readers.delete(reader);
      if (this.#readers.size === 0) void this.end();
    };
  }

  /** What a new reader begins with. */
  now(): Promise<Position> {
    return this.log.end();
  }

  /** What has changed in a tenant after a position. */
  async read(tenantId: string, after: Position): Promise<Read> {
    const recent = this.#run?.recent;
    const changes = recent?.after(after, tenantId);
    // Who is ahead of what is held has read it from the record, or in a database that was restored since: the record tells which.
    if (recent === undefined || changes === undefined || isAfter(after, recent.end)) return this.log.readOf(tenantId, after);
    return { changes, end: recent.end, more: false, gone: false };
  }

  /**
   * Resolves when there may be something after a position, or the time is over.
   * @param time milliseconds
   */
  wait(after: Position, time: number, signal: AbortSignal): Promise<void> {
    const recent = this.#run?.recent;
    // It was read while the reader did something else.
    if (recent !== undefined && isAfter(recent.end, after)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, time).unref();
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
      if (signal.aborted) done();
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.end();
  }

  private begin(): Run {
    const run = new Run(this.log, this.urls.serviceUrl, this.#logger, () => {
      for (const wake of [...this.#waiting]) wake();
    });
    run.start();
    return run;
  }

  private async end(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    await run?.stop();
  }
}

/** From the first reader to the last. */
class Run {
  recent: RecentChanges | undefined;
  readonly #signal: ChangeSignal;
  #isHeard = false;
  #stopped = false;
  #wake: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: ChangeLog,
    databaseUrl: string,
    private readonly logger: Logger,
    private readonly told: () => void,
  ) {
    this.#signal = new ChangeSignal(databaseUrl, () => this.heard());
  }

  start(): void {
    this.#signal.start();
    this.#running = this.loop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await Promise.all([this.#signal.stop(), this.#running]);
  }

  private heard(): void {
    this.#isHeard = true;
    this.#wake();
  }

  private async loop(): Promise<void> {
    while (!this.#stopped) {
      this.#isHeard = false;
      const delay = await this.look().catch((error: unknown) => {
        this.logger.warn({ err: error }, 'changes cannot be read; it is tried again');
        return POLL;
      });
      if (delay > 0) await this.sleep(delay);
    }
  }

  /** @returns milliseconds until it is to look again, if nothing is heard */
  private async look(): Promise<number> {
    if (this.recent === undefined) {
      this.recent = new RecentChanges(await this.log.end(), CAPACITY);
      // What came before it begins is on record only.
      this.told();
    }
    const { changes, end, more, pending, gone } = await this.log.readAll(this.recent.end);
    if (gone) {
      // This process slept for a day, or the database is another one.
      this.recent = undefined;
      return 0;
    }
    this.recent.add(changes, end);
    if (changes.length > 0) this.told();
    if (more) return 0;
    return pending ? SOON : POLL;
  }

  private async sleep(time: number): Promise<void> {
    const slept = (ms: number, isOver: () => boolean) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          if (!isOver()) return;
          clearTimeout(timer);
          resolve();
        };
        this.#wake();
      });
    await slept(GATHER, () => this.#stopped);
    await slept(time, () => this.#stopped || this.#isHeard);
  }
}
