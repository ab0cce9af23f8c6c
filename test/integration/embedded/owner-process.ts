import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A process of its own that runs owner.ts, for a test to kill. */
export class OwnerProcess<Server> {
  private constructor(
    private readonly child: ChildProcess,
    /** What it has started. */
    readonly server: Server,
  ) {}

  static async start<Server>(...parameters: string[]): Promise<OwnerProcess<Server>> {
    const hooks = join(import.meta.dirname, 'typescript-hooks.mjs');
    const script = join(import.meta.dirname, 'owner.ts');
    const child = spawn(process.execPath, ['--experimental-transform-types', '--no-warnings', '--import', hooks, script, ...parameters], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface(child.stdout)) return new OwnerProcess(child, JSON.parse(line) as Server);
    throw new Error(`owner.ts ${parameters.join(' ')} ended before it was up`);
  }

  /** Ends it as it stands, with no chance to stop anything. */
  kill = (): Promise<void> => this.end('SIGKILL');

  /** Has it stop what it owns, and waits until it has. */
  stop = (): Promise<void> => this.end('SIGTERM');

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}
