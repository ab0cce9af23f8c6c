import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';

export interface ChildOptions {
  /** File that takes what it says. */
  log: string;
  /** All that it finds in its environment, beside what every program needs (PATH and so on). */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** In a session of its own: Ctrl-C in our terminal does not reach it, and it may outlive us. */
  detached?: boolean;
}

/** A server of the laboratory's own. It writes to a file, so that it can go on when we have ended. */
export class Child {
  readonly exited: Promise<number | null>;
  readonly #process: ChildProcess;

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    private readonly options: ChildOptions,
  ) {
    const { log, env, cwd, detached } = options;
    const output = openSync(log, 'a', 0o600);
    this.#process = spawn(command, args, { env: { ...inherited(), ...env }, cwd, detached, stdio: ['ignore', output, output] });
    closeSync(output);
    this.exited = once(this.#process, 'exit').then(
      ([code]) => code as number | null,
      (error: unknown) => {
        appendFileSync(log, `${String(error)}\n`);
        return null;
      },
    );
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error(`${this.name} did not start:\n${this.log}`);
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** All that it said, in this life and earlier ones with the same file. */
  get log(): string {
    return readFileSync(this.options.log, 'utf8');
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Sends the signal and waits for the end. @returns the exit code; null when a signal ended it */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) this.signal(signal);
    return this.exited;
  }
}

export interface Outcome {
  /** The exit code; null when a signal ended it. */
  code: number | null;
  /** Of stdout and stderr. */
  output: string;
}

/** Runs a command to its end. */
export async function run(
  command: string,
  args: readonly string[],
  { env, cwd }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Outcome> {
  const child = spawn(command, args, { env: { ...inherited(), ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** What is configured for us is not for what we start. */
function inherited(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TMPDIR, USER } = process.env;
  return { PATH, HOME, LANG, TMPDIR, USER };
}
