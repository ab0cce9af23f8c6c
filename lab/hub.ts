import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Child, run } from './child.js';
import { freePort } from './free-port.js';
import { Proxy } from './proxy.js';
import type { ServiceOptions } from './service.js';
import { until } from './until.js';

interface Ports {
  client: number;
  leaf: number;
  monitor: number;
}

export interface HubOptions {
  /** Takes its configuration and its data. */
  directory: string;
  natsServer: string;
  log: string;
  detached?: boolean;
  /** Whether its clients show certificates, as those do that come over a network; otherwise they come in the clear. */
  clientTls?: boolean;
  /** Whether a proxy stands between it and its leaves. */
  wan?: boolean;
}

const HOST = '127.0.0.1';

/** An address of this machine, too, but not the one that `hub:config` takes for a hub that nobody else reaches. */
const CLIENT_TLS_HOST = '127.0.0.2';

/** A hub that is ours to stop, kill and start again: the service has no hand in it. */
export class Hub {
  #process: Child | undefined;

  private constructor(
    private readonly options: HubOptions,
    private readonly ports: Ports,
    /** What stands between it and its leaves, if anything does. It is the caller's to stop. */
    readonly wan?: Proxy,
  ) {}

  /** Has `npm run hub:config` write what it needs, for the control plane of that service. */
  static async configure({ service, ...options }: HubOptions & { service: ServiceOptions }): Promise<Hub> {
    const [client, leaf, monitor] = await Promise.all([freePort(), freePort(), freePort()]);
    const { output: version } = await run(options.natsServer, ['--version']);
    const clientHost = options.clientTls ? CLIENT_TLS_HOST : HOST;
    const wan = options.wan ? await Proxy.start(leaf) : undefined;
    const settings = {
      out: options.directory,
      'public-host': HOST,
      'client-listen': `${clientHost}:${client}`,
      'leaf-listen': `${HOST}:${leaf}`,
      'leaf-advertise': `${HOST}:${wan?.port ?? leaf}`,
      'monitor-listen': `${HOST}:${monitor}`,
      'nats-version': /v(\d+\.\d+\.\d+)/.exec(version)![1],
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value!]);
    if (clientHost !== HOST) args.push('--public-host', clientHost);
    const { code, output } = await run(process.execPath, [resolve('dist/src/hub-config.js'), ...args], {
      env: { ...service.env, DATA_DIR: service.dataDir },
    });
    if (code !== 0) throw new Error(`hub:config ended with ${code}:\n${output}`);
    return new Hub(options, { client, leaf, monitor }, wan);
  }

  get clientUrl(): string {
    return this.options.clientTls ? `tls://${CLIENT_TLS_HOST}:${this.ports.client}` : `nats://${HOST}:${this.ports.client}`;
  }

  /** What leaves dial. */
  get leafUrl(): string {
    return `tls://${HOST}:${this.wan?.port ?? this.ports.leaf}`;
  }

  get process(): Child | undefined {
    return this.#process;
  }

  get log(): string {
    return readFileSync(this.options.log, 'utf8');
  }

  /** Starts it, and waits until it serves. */
  async start(): Promise<void> {
    const { directory, natsServer, log, detached } = this.options;
    const child = new Child('hub', natsServer, ['-c', join(directory, 'nats-hub.conf')], { log, detached });
    this.#process = child;
    await until('the hub serves', async () => {
      if (!child.running) return 'ended';
      await this.monitor('/healthz');
      return 'serves';
    });
    if (!child.running) throw new Error(`The hub ended:\n${child.log}`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#process?.stop(signal);
  }

  /** Server names of the leaves that are connected, each with one link or two. */
  async leaves(): Promise<string[]> {
    const { leafs } = await this.monitor<{ leafs?: { name: string }[] }>('/leafz');
    return [...new Set((leafs ?? []).map(({ name }) => name))].sort();
  }

  /** What the monitoring says under a path. */
  async monitor<T = unknown>(path: string): Promise<T> {
    const response = await fetch(`http://${HOST}:${this.ports.monitor}${path}`);
    if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
    return (await response.json()) as T;
  }
}
