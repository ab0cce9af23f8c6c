import { Logger, type LoggerService, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

/** Runs a piece of work at once and then again and again, never twice at the same time. What fails is logged and tried again. */
export class Sweep {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  /** @param interval milliseconds between the end of one run and the start of the next */
  constructor(
    private readonly interval: number,
    private readonly work: () => Promise<void>,
    private readonly logger: Pick<LoggerService, 'warn'>,
  ) {}

  start(): void {
    this.#running = this.run();
  }

  /** Resolves when a run that is under way has ended; no other begins. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  private async run(): Promise<void> {
    try {
      await this.work();
    } catch (error) {
      this.logger.warn({ err: error }, 'a sweep failed; it is tried again');
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.start(), this.interval);
    this.#timer.unref();
  }
}

/** A sweep that runs for as long as the process does, and is there as a provider of its own. */
export abstract class SweepService implements OnApplicationBootstrap, OnModuleDestroy {
  protected readonly logger = new Logger(this.constructor.name);
  private readonly sweep: Sweep;

  /** @param interval as of `Sweep` */
  protected constructor(interval: number) {
    this.sweep = new Sweep(interval, () => this.run(), this.logger);
  }

  abstract run(): Promise<void>;

  onApplicationBootstrap(): void {
    this.sweep.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sweep.stop();
  }
}

/** A sweep over rows, each by itself: one that fails keeps no other from it, and the next run tries again. */
export abstract class RowSweep<Row extends { id: string }> extends SweepService {
  /** Those with the lowest ids above `lastId`, in their order. */
  protected abstract page(lastId: string): Promise<Row[]>;

  protected abstract work(row: Row): Promise<unknown>;

  async run(): Promise<void> {
    await forEachPage(
      (lastId) => this.page(lastId),
      async (rows) => {
        for (const row of rows) await this.work(row).catch((error: unknown) => this.logger.warn({ err: error, id: row.id }, 'not done; it is tried again'));
      },
    );
  }
}

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Goes through rows page by page.
 * @param page those with the lowest ids above `lastId`, in their order
 */
export async function forEachPage<Row extends { id: string }>(page: (lastId: string) => Promise<Row[]>, work: (rows: Row[]) => Promise<void>): Promise<void> {
  for (let rows = await page(FIRST_ID); rows.length > 0; rows = await page(rows.at(-1)!.id)) await work(rows);
}
