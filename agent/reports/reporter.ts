import { wait } from '../checks/schedule.js';
import type { Clock } from '../clock.js';
import type { ServiceStatus, StatusRequest } from '../gateway/wire.js';

/** Milliseconds: what changes together is told together. */
const GATHER = 200;

export interface ReporterOptions {
  /** Sends or keeps a report; it throws nothing. */
  put: (report: StatusRequest) => Promise<void>;
  /** What the agent says of itself. */
  self: () => ServiceStatus;
  /** The time as far as it is known, in milliseconds since 1970. */
  now: () => number;
  clock: Clock;
  /** Seconds. */
  interval: () => number;
}

/** Tells how all services are: every so many seconds, and at once when one becomes available or is no longer. */
export class Reporter {
  readonly #statuses = new Map<string, ServiceStatus>();
  #wake: (() => void) | undefined;
  #isUrgent = false;

  constructor(private readonly options: ReporterOptions) {}

  /** Notes how a service is. */
  note(status: ServiceStatus): void {
    const before = this.#statuses.get(status.service_name);
    this.#statuses.set(status.service_name, status);
    if (before?.available !== status.available) this.hurry();
  }

  forget(serviceName: string): void {
    this.#statuses.delete(serviceName);
  }

  /** Reports without waiting for the interval to pass. */
  hurry(): void {
    this.#isUrgent = true;
    this.#wake?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, interval } = this.options;
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    while (!signal.aborted) {
      if (!this.#isUrgent) await this.pause(clock.elapsed() + interval() * 1000);
      if (this.#isUrgent) await wait(GATHER, signal);
      if (!signal.aborted) await this.report();
    }
  }

  /** Makes a report of all services now. */
  async report(): Promise<void> {
    this.#isUrgent = false;
    await this.options.put({ services: [...this.#statuses.values(), this.options.self()], timestamp: Math.floor(this.options.now() / 1000) });
  }

  private async pause(due: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await wait(due - this.options.clock.elapsed(), woken.signal);
    this.#wake = undefined;
  }
}
