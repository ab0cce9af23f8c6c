import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Outcome, run } from './child.js';
import { connectToLeaf, type LeafClient } from './nats-client.js';
import { until } from './until.js';

interface LeafOptions {
  /** Where it is installed. */
  prefix: string;
  port: number;
  monitorPort: number;
  natsServer: string;
}

/** A leaf that is installed from bundles with `setup.sh --prefix`, on this machine. */
export class Leaf {
  /** The unpacked bundle that was installed last. */
  #bundle: string | undefined;

  constructor(private readonly options: LeafOptions) {}

  get port(): number {
    return this.options.port;
  }

  get prefix(): string {
    return this.options.prefix;
  }

  /** Folder of its certificates. */
  get certificates(): string {
    return join(this.prefix, 'etc/nats/certs');
  }

  /** The credentials that it shows the hub. */
  get creds(): string {
    return readFileSync(join(this.prefix, 'etc/nats/creds/tenant.creds'), 'utf8');
  }

  get log(): string {
    return this.read('var/log/nats-leaf.log') ?? '';
  }

  /** Runs the setup.sh of an unpacked bundle. */
  setup(bundle: string, ...more: string[]): Promise<Outcome> {
    this.#bundle = bundle;
    return run('sh', [join(bundle, 'setup.sh'), '--prefix', this.prefix, '--nats-server', this.options.natsServer, ...more]);
  }

  /** @throws Error with what setup.sh printed */
  async install(bundle: string): Promise<string> {
    const { code, output } = await this.setup(bundle, '--timeout', '20');
    if (code !== 0) throw new Error(`setup.sh ended with ${code}:\n${output}`);
    return output;
  }

  /** Starts the leaf that was installed and stopped, whether its hub is there or not. */
  async start(): Promise<void> {
    const { code, output } = await this.setup(this.installed, '--no-wait');
    if (code !== 0) throw new Error(`setup.sh ended with ${code}:\n${output}`);
  }

  /** Ends the leaf's server, if it runs. */
  async stop(): Promise<void> {
    if (this.#bundle !== undefined) await this.setup(this.#bundle, '--stop');
  }

  /** Ends the leaf's server as a power cut does, but for what the kernel still writes. */
  async kill(): Promise<void> {
    const pid = Number(this.read('run/nats/nats-leaf.pid'));
    if (!(pid > 0)) throw new Error('The leaf does not run.');
    process.kill(pid, 'SIGKILL');
    await until('the leaf has ended', () => !existsSync(`/proc/${pid}`));
  }

  /** Folder of its messages. */
  get messages(): string {
    return join(this.prefix, 'var/lib/nats/jetstream');
  }

  /** Stops it, and removes what was installed, messages too. */
  async uninstall(): Promise<Outcome> {
    return this.setup(this.installed, '--uninstall', '--purge');
  }

  /** The line that stops it. */
  get stopCommand(): string {
    return `sh '${this.installed}/setup.sh' --prefix '${this.prefix}' --stop`;
  }

  /**
   * Connects as a collector at the site does, with the leaf's own certificate unless told otherwise.
   * @param creds text of a .creds file; none to try without
   */
  connect(creds: string | undefined, how: Partial<LeafClient> = {}): Promise<NatsConnection> {
    return connectToLeaf({ port: this.port, creds, certificates: this.certificates, ca: this.certificates, ...how });
  }

  /** What the monitoring says under a path. */
  async monitor<T = unknown>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.options.monitorPort}${path}`);
    if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
    return (await response.json()) as T;
  }

  /** How many links to the hub carry its messages: one, or none. */
  async links(): Promise<number> {
    const account = /^ *account: "(.+)"$/m.exec(this.read('etc/nats/nats-leaf.conf') ?? '')?.[1];
    const { leafs } = await this.monitor<{ leafs?: { account: string }[] }>('/leafz');
    return (leafs ?? []).filter((link) => link.account === account).length;
  }

  private get installed(): string {
    if (this.#bundle === undefined) throw new Error('No bundle was installed.');
    return this.#bundle;
  }

  private read(file: string): string | undefined {
    const path = join(this.prefix, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }
}
