import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.js';
import { until } from './until.js';

interface Ports {
  client: number;
  leaf: number;
  monitor: number;
}

export interface HubOptions {
  /** Holds nats-hub.conf. */
  directory: string;
  ports: Ports;
  natsServer: string;
  log: string;
  detached?: boolean;
}

/** A hub that is ours to stop, kill and start again: the service has no hand in it. */
export class Hub {
  #process: Child | undefined;

  constructor(private readonly options: HubOptions) {}

  get clientUrl(): string {
    return `nats://127.0.0.1:${this.options.ports.client}`;
  }

  /** What leaves dial. */
  get leafUrl(): string {
    return `tls://127.0.0.1:${this.options.ports.leaf}`;
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

  /** Server names of the leaves that are connected. */
  async leaves(): Promise<string[]> {
    const { leafs } = await this.monitor<{ leafs?: { name: string }[] }>('/leafz');
    return (leafs ?? []).map(({ name }) => name).sort();
  }

  /** What the monitoring says under a path. */
  async monitor<T = unknown>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.options.ports.monitor}${path}`);
    if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
    return (await response.json()) as T;
  }
}
