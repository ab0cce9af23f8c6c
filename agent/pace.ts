import type { Clock } from './clock.js';
import { wait } from './wait.js';

/** Something that is done every so often, and sooner when somebody asks for it. */
export class Pace {
  #last: number;
  #isAsked = false;
  #wake: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    /** Milliseconds from one time to the next; it may change. */
    private readonly interval: () => number,
    /** Milliseconds that it waits for others when it was asked. */
    private readonly gather = 0,
  ) {
    this.#last = clock.elapsed();
  }

  /** Resolves when it is time again, or the signal comes. */
  async next(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#isAsked && this.left > 0) await this.sleep(signal);
    if (this.#isAsked) await wait(this.gather, signal);
    this.#isAsked = false;
    this.#last = this.clock.elapsed();
  }

  /** Does something each time, until the signal comes. */
  async each(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await this.next(signal);
      if (!signal.aborted) await work();
    }
  }

  /** It is time now. */
  ask(): void {
    this.#isAsked = true;
    this.#wake?.();
  }

  /** The interval is another. */
  changed(): void {
    this.#wake?.();
  }

  private get left(): number {
    return this.#last + this.interval() - this.clock.elapsed();
  }

  private async sleep(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#wake = wake;
    signal.addEventListener('abort', wake);
    await wait(this.left, woken.signal);
    signal.removeEventListener('abort', wake);
    this.#wake = undefined;
  }
}
