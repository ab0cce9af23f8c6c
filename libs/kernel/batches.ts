interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result | PromiseLike<Result>) => void;
  reject: (error: unknown) => void;
}

/** What became of one item of a batch. */
export type Outcome<Result> = { result: Result } | { error: unknown };

/**
 * Serves those who wait at the same time with one run, which costs little more than serving one. Whoever comes while a run of its group is under
 * way waits for the next: nobody gets what was found out before it asked.
 */
export class Batches<Item, Result> {
  /** A group is here while a run of it is under way, with those who wait for the next. */
  readonly #waiting = new Map<string, Waiting<Item, Result>[]>();

  /**
   * @param size items in a run at most
   * @param run answers with an outcome for each item, in their order; what it throws is the outcome of them all
   * @param meetsAll whether what `run` has thrown is what all would meet who wait by then: they get it right away, and do not wait run after run
   * @param gather calls back when a run may begin; until then others join it. Not waited for when there are enough for a run
   */
  constructor(
    private readonly size: number,
    private readonly run: (group: string, items: readonly Item[]) => Promise<readonly Outcome<Result>[]>,
    private readonly meetsAll: (error: unknown) => boolean = () => false,
    private readonly gather: (begin: () => void) => void = setImmediate,
  ) {}

  /** @param group items of different groups never share a run, and do not wait for each other */
  add(group: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(group);
      if (waiting !== undefined) {
        waiting.push({ item, resolve, reject });
        return;
      }
      this.#waiting.set(group, [{ item, resolve, reject }]);
      void this.runAll(group);
    });
  }

  /** Until nobody waits. Never rejects: each that waits gets its own answer. */
  private async runAll(group: string): Promise<void> {
    for (;;) {
      const waiting = this.#waiting.get(group)!;
      // By default, what arrives in the same turn goes along.
      if (waiting.length < this.size) await new Promise<void>((begin) => this.gather(begin));
      const batch = waiting.splice(0, this.size);
      if (batch.length === 0) break;
      await this.serve(group, batch);
    }
    this.#waiting.delete(group);
  }

  private async serve(group: string, batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const outcomes = await this.run(
        group,
        batch.map(({ item }) => item),
      );
      for (const [at, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[at]!;
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.result);
      }
    } catch (error) {
      const waiting = this.meetsAll(error) ? (this.#waiting.get(group)?.splice(0) ?? []) : [];
      for (const { reject } of [...batch, ...waiting]) reject(error);
    }
  }
}

/** What a piece of work answers or throws. */
export function outcomeOf<Result>(work: () => Result): Outcome<Result> {
  try {
    return { result: work() };
  } catch (error) {
    return { error };
  }
}
