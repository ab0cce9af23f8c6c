import { BoundedMap } from '#libs/kernel';

interface Bucket {
  tokens: number;
  /** When it held so many, in milliseconds. */
  at: number;
}

/** Limits how often each of many does something: a minute's worth at once, and then as it comes back. */
export class TokenBuckets {
  readonly #buckets: BoundedMap<string, Bucket>;

  /**
   * @param perMinute 0 is no limit
   * @param now milliseconds of a clock that only goes forward
   * @param capacity those who are remembered; who was forgotten begins anew
   */
  constructor(
    private readonly perMinute: number,
    private readonly now: () => number,
    capacity = 50_000,
  ) {
    this.#buckets = new BoundedMap(capacity);
  }

  /**
   * Takes one, when there is one.
   * @param left how many are to be left for others, as a part of a minute's worth
   * @returns milliseconds until there is one; 0 when it was taken
   */
  take(name: string, left = 0): number {
    if (this.perMinute === 0) return 0;
    const needed = 1 + Math.floor(left * this.perMinute);
    const now = this.now();
    const before = this.#buckets.get(name) ?? { tokens: this.perMinute, at: now };
    const tokens = Math.min(this.perMinute, before.tokens + ((now - before.at) * this.perMinute) / 60_000);
    const isTaken = tokens >= needed;
    this.#buckets.set(name, { tokens: isTaken ? tokens - 1 : tokens, at: now });
    return isTaken ? 0 : Math.ceil(((needed - tokens) * 60_000) / this.perMinute);
  }
}
