import { performance } from 'node:perf_hooks';

const NAME_WIDTH = 46;
const TIME_WIDTH = 6;

/** A step did not hold. */
export class StepFailed extends Error {
  constructor(
    readonly step: string,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Tells what happens while it happens: a line per step, with the milliseconds that it took and what was seen. */
export class Progress {
  /** Milliseconds of each step that held, in order. */
  readonly steps: Record<string, number> = {};

  #interrupted = false;

  constructor(private readonly write: (text: string) => void) {}

  get interrupted(): boolean {
    return this.#interrupted;
  }

  /** The step that runs ends as it does; the next one fails. So nothing is started any more when the clean-up begins. */
  interrupt(): void {
    this.#interrupted = true;
  }

  /**
   * @param work returns what was seen, in a phrase
   * @throws StepFailed
   */
  async step(name: string, work: () => Promise<string>): Promise<void> {
    if (this.#interrupted) throw new StepFailed(name, new Error('Interrupted.'));
    const number = Object.keys(this.steps).length + 1;
    this.write(`${String(number).padStart(3)}  ${name.padEnd(NAME_WIDTH)} `);
    const start = performance.now();
    try {
      const seen = await work();
      const milliseconds = Math.round(performance.now() - start);
      this.steps[name] = milliseconds;
      this.write(`${grouped(milliseconds).padStart(TIME_WIDTH)} ms   ${seen}\n`);
    } catch (error) {
      this.write('failed\n');
      throw new StepFailed(name, error);
    }
  }

  say(text: string): void {
    this.write(`${text}\n`);
  }
}

/** 12,345 */
export const grouped = (number: number): string => number.toLocaleString('en-US');
