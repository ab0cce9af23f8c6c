import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { NATS_SERVERS } from '../../../lab/nats-versions.js';
import { until } from '../../../lab/until.js';
import { isAtLeast } from '#libs/nats';

export interface NatsVersion {
  name: string;
  path: string;
  /** Since 2.12. */
  isolatesLeafnodeInterest: boolean;
}

/** The two versions that everything here runs on. What is taken for the newest may be any that scripts/nats-server.sh accepts. */
export const NATS_VERSIONS: readonly NatsVersion[] = Object.entries(NATS_SERVERS).map(([name, path]) => ({
  name,
  path,
  get isolatesLeafnodeInterest() {
    const [, version] = /v(\d+\.\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))!;
    return isAtLeast(version!, 2, 12);
  },
}));

export { freePort } from '../../../lab/free-port.js';
export { until };

/** A nats-server process of the test's own. */
export class NatsServer {
  private constructor(
    private readonly process: ChildProcess,
    private readonly file: string,
    private readonly logFile: string,
    private readonly monitorPort: number,
  ) {}

  /** Starts the server and waits until it serves. Fails with the server's log when it stops instead. */
  static async start(version: NatsVersion, dir: string, name: string, configuration: string, monitorPort: number): Promise<NatsServer> {
    if (!existsSync(version.path)) {
      throw new Error(
        `There is no nats-server ${version.name} at ${version.path}: run "npm test", which fetches it, or set ` +
          `${version.name === '2.10' ? 'NATS_SERVER_2_10' : 'NATS_SERVER'} to a binary of that version.`,
      );
    }
    const file = join(dir, `${name}.conf`);
    const logFile = join(dir, `${name}.log`);
    writeFileSync(file, configuration);
    const child = spawn(version.path, ['-c', file, '-l', logFile], { stdio: 'ignore' });
    const server = new NatsServer(child, file, logFile, monitorPort);
    try {
      await until(`${name} serves, or has stopped`, () => child.exitCode !== null || server.monitor('/healthz'));
      if (child.exitCode !== null) throw new Error(`${name} stopped with code ${child.exitCode}.`);
    } catch (cause) {
      child.kill('SIGKILL');
      throw new Error(`${version.name} did not start:\n${server.log()}`, { cause });
    }
    return server;
  }

  /** What the server's monitoring endpoint says. */
  async monitor<T = Record<string, unknown>>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.monitorPort}${path}`);
    if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
    return (await response.json()) as T;
  }

  /** Has it read another configuration as it runs. Whether it took that, its log says. */
  reload(configuration: string): void {
    writeFileSync(this.file, configuration);
    this.process.kill('SIGHUP');
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    await exited;
  }
}
