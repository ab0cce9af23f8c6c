import type { Change } from './change.js';
import { isAfter, type Position } from './position.js';

/** The changes that came last, without a gap, for as many to read as like. */
export class RecentChanges {
  #changes: Change[] = [];

  /**
   * @param start after which it holds all changes, up to `end`
   * @param capacity how many it holds
   */
  constructor(
    private start: Position,
    private readonly capacity: number,
  ) {
    this.#end = start;
  }

  #end: Position;

  get end(): Position {
    return this.#end;
  }

  /** @param changes all that there are between the end so far and the new one, in their order */
  add(changes: readonly Change[], end: Position): void {
    this.#changes.push(...changes);
    this.#end = end;
    const surplus = this.#changes.length - this.capacity;
    if (surplus <= 0) return;
    this.start = this.#changes[surplus - 1]!.position;
    this.#changes = this.#changes.slice(surplus);
  }

  /**
   * What has changed in a tenant after a position.
   * @returns undefined when it does not go back so far
   */
  after(position: Position, tenantId: string): Change[] | undefined {
    if (isAfter(this.start, position)) return undefined;
    return this.#changes.slice(this.firstAfter(position)).filter((change) => change.tenantId === tenantId);
  }

  private firstAfter(position: Position): number {
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isAfter(this.#changes[middle]!.position, position)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
