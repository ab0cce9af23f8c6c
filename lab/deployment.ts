import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from './api.js';
import { freePort } from './free-port.js';
import { Hub } from './hub.js';
import type { Proxy } from './proxy.js';
import { Service, type ServiceOptions } from './service.js';
import { temporaryDirectory } from './temporary-directory.js';
import { Tenant } from './tenant.js';

export interface DeploymentOptions {
  /** The program that hub and leaves run. */
  natsServer: string;
  /** Further environment of the service. */
  env?: NodeJS.ProcessEnv;
  /** Whose the hub is: the service's own, or ours to stop and start. */
  hub?: 'local' | 'own';
  /** Whether a hub of ours wants certificates of its clients. */
  clientTls?: boolean;
  /** Whether a proxy stands between a hub of ours and the leaves. */
  wan?: boolean;
  /** Its servers may outlive us. */
  detached?: boolean;
}

/** A whole product on this machine, in a temporary directory and on free ports: service, hub, tenants, sites and leaves. */
export class Deployment {
  readonly tenants: Tenant[] = [];
  #apiPort = 0;
  #service: Service | undefined;
  #hub: Hub | undefined;

  readonly directory = temporaryDirectory();

  constructor(private readonly options: DeploymentOptions) {}

  /** Starts hub and service. Call `stop` also when this fails. */
  async start(): Promise<this> {
    this.#apiPort = await freePort();
    if (this.options.hub !== 'local') await this.startHub();
    await this.startService();
    return this;
  }

  get service(): Service {
    if (this.#service === undefined) throw new Error('The service was not started.');
    return this.#service;
  }

  get hub(): Hub {
    if (this.#hub === undefined) throw new Error('The hub is the service’s own.');
    return this.#hub;
  }

  /** What stands between leaves and hub. */
  get wan(): Proxy {
    if (this.hub.wan === undefined) throw new Error('Leaves dial the hub itself.');
    return this.hub.wan;
  }

  get dataDir(): string {
    return join(this.directory, 'data');
  }

  async startService(): Promise<Service> {
    this.#service = new Service(this.serviceOptions('service', { PORT: String(this.#apiPort) }));
    return this.#service.ready();
  }

  /** Starts a further process of the service, beside the one that answers. It is the caller's to end. */
  async startAnother(name: string, env: NodeJS.ProcessEnv): Promise<Service> {
    return new Service(this.serviceOptions(name, env)).ready();
  }

  /** @param platform whoever administers the platform. The tenant's own administrator asks by the same means. */
  async tenant(name: string, platform: Api = this.service.admin): Promise<Tenant> {
    const { natsServer } = this.options;
    const tenant = await Tenant.create(platform, name, { directory: join(this.directory, 'sites'), natsServer });
    this.tenants.push(tenant);
    return tenant;
  }

  /** The last lines of every server. */
  logs(lines = 40): string {
    const leaves = this.tenants.flatMap(({ slug, sites }) => sites.map((site) => [`leaf ${slug}/${site.slug}`, site.leaf.log]));
    const servers = ['hub', 'service'].map((name) => [name, readIfThere(this.logFile(name))]);
    return [...servers, ...leaves]
      .filter(([, log]) => log !== '')
      .map(([name, log]) => `--- ${name}\n${log!.trimEnd().split('\n').slice(-lines).join('\n')}`)
      .join('\n');
  }

  /** Ends every process and removes every file. */
  async stop(): Promise<void> {
    await Promise.all(this.tenants.flatMap(({ sites }) => sites.map(({ leaf }) => leaf.stop())));
    await this.#service?.stop();
    await this.#hub?.stop();
    await this.#hub?.wan?.stop();
    // Something that has just been ended may still have been writing.
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** For a deployment that outlives us. @returns a shell script that does what `stop` does */
  writeStopScript(): string {
    const file = join(this.directory, 'stop.sh');
    const pids = [this.service.process.pid, this.hub.process!.pid].join(' ');
    const leaves = this.tenants.flatMap(({ sites }) => sites.map(({ leaf }) => leaf.stopCommand));
    const text = [
      '#!/bin/sh',
      ...leaves,
      `kill ${pids}`,
      `for pid in ${pids}; do while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done; done`,
      `rm -rf '${this.directory}'`,
    ];
    writeFileSync(file, `${text.join('\n')}\n`, { mode: 0o700 });
    return file;
  }

  private serviceOptions(name: string, env: NodeJS.ProcessEnv): ServiceOptions {
    const { natsServer, detached } = this.options;
    const hub = this.#hub && { NATS_URL: this.#hub.clientUrl, NATS_LEAF_UPSTREAM_URL: this.#hub.leafUrl };
    return {
      dataDir: this.dataDir,
      log: this.logFile(name),
      env: { NATS_SERVER: natsServer, ...hub, ...this.options.env, ...env },
      detached,
    };
  }

  private logFile(name: string): string {
    return join(this.directory, `${name}.log`);
  }

  private async startHub(): Promise<void> {
    const { natsServer, detached, clientTls, wan } = this.options;
    this.#hub = await Hub.configure({
      directory: join(this.directory, 'hub'),
      service: this.serviceOptions('hub-config', {}),
      natsServer,
      log: this.logFile('hub'),
      detached,
      clientTls,
      wan,
    });
    await this.#hub.start();
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
