/**
 * So much of something that is held in memory at a time. Who finds no room waits, in the order of coming.
 */
export class Room {
  readonly #waiting: { size: number; enter: () => void }[] = [];
  #used = 0;

  /** @param size bytes, say */
  constructor(private readonly size: number) {}

  get isCrowded(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when there is room. What is larger than all of it enters when nobody else is there. */
  async enter(size: number): Promise<void> {
    if (this.#waiting.length > 0 || !this.fits(size)) {
      await new Promise<void>((enter) => this.#waiting.push({ size, enter }));
    } else {
      this.#used += size;
    }
  }

  /** @returns whether there was room */
  tryEnter(size: number): boolean {
    if (this.#waiting.length > 0 || !this.fits(size)) return false;
    this.#used += size;
    return true;
  }

  leave(size: number): void {
    this.#used -= size;
    for (let next = this.#waiting[0]; next !== undefined && this.fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.size;
      next.enter();
    }
  }

  private fits(size: number): boolean {
    return this.#used === 0 || this.#used + size <= this.size;
  }
}
