import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

interface ChildOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** A process of the laboratory's own, with all that it said. */
export class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<number | null>;
  output = '';

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    { env = process.env, cwd }: ChildOptions = {},
  ) {
    this.#process = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.#exited = once(this.#process, 'close').then(([code]) => code as number | null);
    this.#exited.catch((error: unknown) => (this.output += String(error)));
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error(`${this.name} did not start: ${this.output}`);
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** The exit code; null when a signal ended it. */
  get exited(): Promise<number | null> {
    return this.#exited;
  }

  /** Sends the signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.running) this.#process.kill(signal);
    await this.#exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}

/** Runs a command to its end. */
export async function run(command: string, args: readonly string[], options?: ChildOptions): Promise<{ code: number | null; output: string }> {
  const child = new Child(command, command, args, options);
  const code = await child.exited;
  return { code, output: child.output };
}
