import type { Clock, Random } from '../clock.js';
import type { CheckConfig, ServiceStatus } from '../gateway/wire.js';
import { wait } from '../wait.js';

/** Milliseconds: checks that begin together do not all begin at once, and all have begun by then. */
const SPREAD = 5_000;

const DEFAULT_INTERVAL = 30;

export interface ScheduleOptions {
  /** Does a check once; it throws nothing. */
  perform: (check: CheckConfig, stop: AbortSignal) => Promise<ServiceStatus>;
  onStatus: (status: ServiceStatus, check: CheckConfig) => void;
  /** A service that is not checked any more. */
  onGone: (serviceName: string) => void;
  clock: Clock;
  random: Random;
}

interface Running {
  check: CheckConfig;
  stop: AbortController;
  ended: Promise<void>;
}

/** Does checks again and again, each at its interval, and none while it is still done. */
export class Schedule {
  readonly #running = new Map<string, Running>();

  constructor(private readonly options: ScheduleOptions) {}

  /** Does these from now on. One that is as before goes on undisturbed. */
  set(checks: readonly CheckConfig[]): void {
    const wanted = new Map(checks.filter(({ enabled }) => enabled).map((check) => [check.name, check]));
    for (const [name, { check, stop }] of this.#running) {
      const next = wanted.get(name);
      if (next !== undefined && JSON.stringify(next) === JSON.stringify(check)) continue;
      stop.abort();
      this.#running.delete(name);
      if (next === undefined) this.options.onGone(name);
    }
    for (const [name, check] of wanted) if (!this.#running.has(name)) this.#running.set(name, this.begin(check));
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    const all = [...this.#running.values()];
    this.#running.clear();
    for (const { stop } of all) stop.abort();
    await Promise.all(all.map(({ ended }) => ended));
  }

  private begin(check: CheckConfig): Running {
    const stop = new AbortController();
    return { check, stop, ended: this.repeat(check, stop.signal) };
  }

  private async repeat(check: CheckConfig, signal: AbortSignal): Promise<void> {
    const { perform, onStatus, clock, random } = this.options;
    const interval = (check.interval_sec > 0 ? check.interval_sec : DEFAULT_INTERVAL) * 1000;
    // The leaf is what the agent is there for: it is looked at right away.
    let due = clock.elapsed() + (check.check_type === 'nats_leaf' ? 0 : random() * Math.min(interval, SPREAD));
    for (;;) {
      await wait(due - clock.elapsed(), signal);
      if (signal.aborted) return;
      const status = await perform(check, signal);
      if (signal.aborted) return;
      onStatus(status, check);
      due = nextAfter(due, interval, clock.elapsed());
    }
  }
}

/** When to begin again: at the interval; times that have passed meanwhile are left out. */
export const nextAfter = (due: number, interval: number, now: number): number => due + interval * Math.max(1, Math.ceil((now - due) / interval));
