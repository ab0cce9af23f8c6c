import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { Hub } from './hub.js';
import { Service } from './service.js';
import { Tenant } from './tenant.js';

export interface DeploymentOptions {
  /** The program that hub and leaves run. */
  natsServer: string;
  /** Further environment of the service. */
  env?: NodeJS.ProcessEnv;
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

  /** Starts a hub that is ours to stop and start, and the service with it. Call `stop` also when this fails. */
  async start(): Promise<this> {
    this.#apiPort = await freePort();
    await this.startHub();
    await this.startService();
    return this;
  }

  get service(): Service {
    if (this.#service === undefined) throw new Error('The service was not started.');
    return this.#service;
  }

  get hub(): Hub {
    if (this.#hub === undefined) throw new Error('There is no hub.');
    return this.#hub;
  }

  get dataDir(): string {
    return join(this.directory, 'data');
  }

  async startService(): Promise<Service> {
    const hub = this.#hub && { NATS_URL: this.#hub.clientUrl, NATS_LEAF_UPSTREAM_URL: this.#hub.leafUrl };
    this.#service = new Service({
      dataDir: this.dataDir,
      log: this.logFile('service'),
      env: { PORT: String(this.#apiPort), NATS_SERVER: this.options.natsServer, ...hub, ...this.options.env },
      detached: this.options.detached,
    });
    return this.#service.ready();
  }

  async tenant(name: string): Promise<Tenant> {
    const { natsServer } = this.options;
    const tenant = await Tenant.create(this.service.admin, name, { directory: join(this.directory, 'sites'), natsServer });
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
    rmSync(this.directory, { recursive: true, force: true });
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

  private logFile(name: string): string {
    return join(this.directory, `${name}.log`);
  }

  /** The service makes the configuration of a hub at its first start; from then on the hub is ours. */
  private async startHub(): Promise<void> {
    const { natsServer, detached } = this.options;
    await (await this.startService()).stop();
    const directory = join(this.dataDir, 'hub');
    const ports = JSON.parse(readFileSync(join(directory, 'ports.json'), 'utf8')) as { client: number; leaf: number; monitor: number };
    this.#hub = new Hub({ directory, ports, natsServer, log: this.logFile('hub'), detached });
    await this.#hub.start();
  }
}

/** Others may pass through it: PostgreSQL does not run as root. */
function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'serviceradar-lab-'));
  chmodSync(directory, 0o711);
  return directory;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
