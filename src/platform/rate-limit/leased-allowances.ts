/** How many calls there may be, and within how long. */
export interface Limit {
  /** Calls in a window, of all processes together. */
  calls: number;
  /** Seconds; a window begins with its first call. */
  window: number;
}

/** What was leased of an allowance that processes share. */
export interface Lease {
  /** Calls that this process may let through; as many as were asked for, or what was left. */
  granted: number;
  /** Calls that are left for others, or for the next lease. */
  left: number;
  /** Seconds until the window ends. */
  endsIn: number;
}

/** @throws when it cannot be asked */
export type TakeLease = (name: string, asked: number, limit: Limit) => Promise<Lease>;

export interface Verdict {
  isAllowed: boolean;
  /** Calls that are left, as far as this process knows. */
  left: number;
  /** Seconds until the window ends. */
  endsIn: number;
}

/** An allowance as this process knows it. */
interface Known {
  /** Leased, and not spent yet. */
  mine: number;
  /** Left for others at the last lease. */
  others: number;
  /** Whether nothing is left to lease in this window. */
  isTaken: boolean;
  /** By `now`, in milliseconds. */
  endsAt: number;
  /** Those who wait for the lease that is being asked for. */
  waiting: number;
  asking: Promise<void> | undefined;
}

/** A lease is this part of the limit: so many calls are counted without asking anybody, and so many may be left unspent by a process that has no use for them. */
const PART = 20;

/** Allowances that are kept in memory; of more, the oldest are forgotten, and what was leased for them is lost. */
const MOST = 50_000;

/** Milliseconds for which nobody is asked again after nobody has answered. */
const PAUSE = 5_000;

/**
 * Counts calls against limits that hold for all processes together, most of the time without asking anybody: each leases a part of what is left, and
 * spends it by itself. The sum is never more than the limit. When leases cannot be had, the limit holds for this process by itself.
 */
export class LeasedAllowances {
  readonly #known = new Map<string, Known>();
  #pausedUntil = -Infinity;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(
    private readonly take: TakeLease,
    private readonly now: () => number,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Counts a call. Never rejects. */
  async spend(name: string, limit: Limit): Promise<Verdict> {
    for (;;) {
      const known = this.current(name) ?? this.begin(name, limit);
      if (known.mine > 0) {
        known.mine--;
        return this.verdict(known, true);
      }
      if (known.isTaken) return this.verdict(known, false);
      known.waiting++;
      await (known.asking ??= this.lease(name, known, limit).finally(() => (known.asking = undefined)));
      known.waiting--;
    }
  }

  /** What is known of an allowance of which nothing is left; undefined when there may be something. */
  spent(name: string): Verdict | undefined {
    const known = this.current(name);
    return known !== undefined && known.isTaken && known.mine === 0 ? this.verdict(known, false) : undefined;
  }

  private async lease(name: string, known: Known, limit: Limit): Promise<void> {
    // Whoever comes in the same turn shares the lease.
    await Promise.resolve();
    const asked = Math.max(Math.ceil(limit.calls / PART), known.waiting);
    const { granted, left, endsIn } = await this.askFor(name, asked, limit);
    Object.assign(known, { mine: granted, others: left, isTaken: granted < asked || left === 0, endsAt: this.now() + endsIn * 1000 });
  }

  private async askFor(name: string, asked: number, limit: Limit): Promise<Lease> {
    const byItself = { granted: limit.calls, left: 0, endsIn: limit.window };
    if (this.now() < this.#pausedUntil) return byItself;
    try {
      return await this.take(name, asked, limit);
    } catch (error) {
      this.#pausedUntil = this.now() + PAUSE;
      this.onFailure(error);
      return byItself;
    }
  }

  private current(name: string): Known | undefined {
    const known = this.#known.get(name);
    return known !== undefined && (known.asking !== undefined || this.now() < known.endsAt) ? known : undefined;
  }

  private begin(name: string, { window }: Limit): Known {
    const known = { mine: 0, others: 0, isTaken: false, endsAt: this.now() + window * 1000, waiting: 0, asking: undefined };
    // The oldest is the first: one that is over makes room, and so does any when there are too many.
    this.#known.delete(name);
    for (const [oldest, { endsAt, asking }] of this.#known) {
      if (asking !== undefined || (this.now() < endsAt && this.#known.size < MOST)) break;
      this.#known.delete(oldest);
    }
    this.#known.set(name, known);
    return known;
  }

  private verdict({ mine, others, endsAt }: Known, isAllowed: boolean): Verdict {
    return { isAllowed, left: mine + others, endsIn: Math.max(1, Math.ceil((endsAt - this.now()) / 1000)) };
  }
}
