import { join, resolve } from 'node:path';
import { Child, type Outcome, run } from './child.js';

const PROGRAM = resolve('dist/agent/serviceradar-agent.cjs');

interface AgentOptions {
  /** Takes what it enrols with, what it remembers, and what it says. */
  directory: string;
}

/** An agent as a process of its own: the file that `npm run agent:build` makes. */
export class AgentProcess {
  #process: Child | undefined;

  constructor(private readonly options: AgentOptions) {}

  /** Where it has enrolled. */
  get home(): string {
    return join(this.options.directory, 'agent');
  }

  get process(): Child {
    if (this.#process === undefined) throw new Error('The agent was not started.');
    return this.#process;
  }

  /** All that it said, in all its lives. */
  get log(): string {
    return this.#process?.log ?? '';
  }

  /** Runs a command of it to its end. */
  command(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return run(process.execPath, [PROGRAM, ...args], { env });
  }

  /** @param archive file of an onboarding package @throws Error with what it said */
  async enrol(archive: string, ...more: string[]): Promise<string> {
    const { code, output } = await this.command(['enrol', '--bundle', archive, '--dir', this.home, ...more]);
    if (code !== 0) throw new Error(`enrol ended with ${code}: ${output}`);
    return output;
  }

  start(env: NodeJS.ProcessEnv = {}): void {
    this.#process = new Child('agent', process.execPath, [PROGRAM, 'run', '--config', this.home], { log: join(this.options.directory, 'agent.log'), env });
  }

  /** In order. @returns the exit code */
  async stop(): Promise<number | null | undefined> {
    return this.#process?.stop('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }
}
