import type { Clock } from '../clock.js';
import type { ServiceStatus, StatusRequest } from '../gateway/wire.js';
import { Pace } from '../pace.js';
import type { Kept } from '../spool/outbox.js';

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

/** Tells how all services are: every so many seconds, and at once when something has changed that cannot wait. */
export class Reporter {
  readonly #statuses = new Map<string, ServiceStatus>();
  readonly #pace: Pace;

  constructor(private readonly options: ReporterOptions) {
    this.#pace = new Pace(options.clock, () => options.interval() * 1000, GATHER);
  }

  /** Notes how a service is. */
  note(status: ServiceStatus): void {
    const before = this.#statuses.get(status.service_name);
    this.#statuses.set(status.service_name, status);
    if (before?.salient !== status.salient) this.hurry();
  }

  forget(serviceName: string): void {
    this.#statuses.delete(serviceName);
  }

  /** Reports without waiting for the interval to pass. */
  hurry(): void {
    this.#pace.ask();
  }

  /** The interval is another. */
  retime(): void {
    this.#pace.changed();
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#pace.each(signal, () => this.report());
  }

  /** Makes a report of all services now. */
  async report(): Promise<void> {
    await this.options.put({ services: [...this.#statuses.values(), this.options.self()], timestamp: Math.floor(this.options.now() / 1000) });
  }
}

/** A report that is kept is JSON, with what a check found as the text that it is. */
export const KEPT_REPORT: Kept<StatusRequest> = {
  noun: 'report',
  encode: ({ services, timestamp }) => Buffer.from(JSON.stringify({ timestamp, services: services.map(({ salient: _salient, message, ...one }) => ({ ...one, message: message.toString('utf8') })) })),
  decode(content) {
    const { services, timestamp } = JSON.parse(content.toString('utf8')) as { timestamp: number; services: (Omit<ServiceStatus, 'message'> & { message: string })[] };
    return { timestamp, services: services.map((one) => ({ ...one, message: Buffer.from(one.message) })) };
  },
};
