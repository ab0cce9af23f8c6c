import type { LoggerService } from '@nestjs/common';

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
