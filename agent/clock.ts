/** Where the time comes from. Passed in, so that a test can stand at any moment. */
export interface Clock {
  /** Of this machine, which may be wrong: milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some moment; it never jumps. */
  elapsed(): number;
}

export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

/** A number from 0 to 1, less than 1. */
export type Random = () => number;

/** This machine's clock, set right by what the gateway says the time is. */
export class GatewayClock {
  #offset: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** By how many milliseconds the gateway is ahead of this machine; undefined until it was heard. */
  get offset(): number | undefined {
    return this.#offset;
  }

  /**
   * The gateway has said what time it is.
   * @param serverTime Unix seconds
   * @param asked when it was asked, as `Clock.now`
   */
  heard(serverTime: number, asked: number): void {
    const now = this.clock.now();
    const offset = serverTime * 1000 - (asked + now) / 2;
    // It says whole seconds, and may have said them at any moment since it was asked: what is less than that is no difference.
    this.#offset = Math.abs(offset) < 2_000 + Math.abs(now - asked) / 2 ? 0 : offset;
  }

  /** The gateway's time as far as it is known, in milliseconds since 1970. */
  now(): number {
    return this.clock.now() + (this.#offset ?? 0);
  }
}
