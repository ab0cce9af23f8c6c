import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import { isAtLeast } from '#libs/nats';
import { Config } from '../platform/config/index.js';
import { findNatsServer, freePort, type Hub, isPortFree, type NatsServerBinary, onFreePorts, startHub } from '../platform/embedded/index.js';
import { Sweep } from '../platform/sweep.js';
import { HubAddress } from './hub-address.js';
import { HubFiles, type HubSettings } from './hub-files.js';
import { OperatorService } from './operator.service.js';
import { hostOf } from './platform-hosts.js';

const HOST = '127.0.0.1';

const SWEEP_INTERVAL = 1_000;

/** How long a hub that runs already may take to say who it is, in milliseconds. */
const MONITOR_LIMIT = 2_000;

interface Ports {
  client: number;
  leaf: number;
  monitor: number;
}

/** The hub that the process runs itself when no other is given. */
@Injectable()
export class LocalHub {
  private readonly logger = new Logger(LocalHub.name);
  /** Sees to it that the hub trusts whom the operator lists: a server takes another operator only when it starts. */
  private readonly sweep = new Sweep(SWEEP_INTERVAL, () => this.followOperator(), this.logger);
  #hub: Hub | undefined;
  /** Writes the hub's files again. */
  #write: (() => Promise<string>) | undefined;
  /** Which JWT of the operator is in them. */
  #operatorRevision = 0;

  constructor(
    private readonly config: Config,
    private readonly address: HubAddress,
    private readonly files: HubFiles,
    private readonly operator: OperatorService,
  ) {}

  /** Starts nats-server, and again whenever it ends by itself. */
  async start(): Promise<void> {
    if (this.config.natsUrl !== undefined) return;
    const directory = resolve(this.config.dataDir, 'hub');
    const server = await findNatsServer({ env: { NATS_SERVER: this.config.natsServer } });
    const file = join(directory, 'ports.json');
    const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Ports) : undefined;
    await onFreePorts(
      () => this.choosePorts(kept),
      (ports) => this.startOn(ports, directory, server),
    );
    this.sweep.start();
  }

  async stop(): Promise<void> {
    await this.sweep.stop();
    await this.#hub?.stop();
  }

  private async startOn(ports: Ports, directory: string, server: NatsServerBinary): Promise<void> {
    const settings: HubSettings = {
      serverName: 'nats-hub',
      listen: { host: HOST, port: ports.client },
      leafListen: { host: HOST, port: ports.leaf },
      leafAdvertise: { host: HOST, port: ports.leaf },
      monitor: { host: HOST, port: ports.monitor },
      hosts: ['localhost', HOST, ...upstreamHost(this.config.natsLeafUpstreamUrl)],
      isolatesLeafnodeInterest: isAtLeast(server.version, 2, 12),
    };
    this.#write = () => this.files.write(directory, settings);
    this.#operatorRevision = (await this.operator.current()).jwtRevision;
    const configurationFile = await this.#write();
    writeFileSync(join(directory, 'ports.json'), JSON.stringify(ports));
    this.#hub = await startHub({
      binary: server.path,
      configurationFile,
      dataDir: directory,
      log: (line) => this.logger.log(line),
      monitorUrl: `http://${HOST}:${ports.monitor}`,
      restart: true,
    });
    this.address.listening({ clientPort: ports.client, leafPort: ports.leaf });
  }

  private async followOperator(): Promise<void> {
    const { jwtRevision } = await this.operator.current();
    if (jwtRevision === this.#operatorRevision || !this.#hub?.leader) return;
    await this.#write?.();
    this.logger.log({ operatorRevision: jwtRevision }, 'the hub is started again, as the operator has other keys');
    this.#hub.renew();
    this.#operatorRevision = jwtRevision;
  }

  /** Free ports stay what they were at the first start, or leaves would not find the hub again. */
  private async choosePorts(kept: Ports | undefined): Promise<Ports> {
    return {
      client: this.config.hubClientPort || (kept?.client ?? (await freePort())),
      leaf: this.config.hubLeafPort || (kept?.leaf ?? (await freePort())),
      monitor: kept !== undefined && ((await isPortFree(kept.monitor)) || (await isHubOn(kept))) ? kept.monitor : await freePort(),
    };
  }
}

/** Whether what listens on the ports is the hub: another process of the same data directory runs it, or did. */
async function isHubOn({ client, leaf, monitor }: Ports): Promise<boolean> {
  try {
    const response = await fetch(`http://${HOST}:${monitor}/varz`, { signal: AbortSignal.timeout(MONITOR_LIMIT) });
    const said = (await response.json()) as { port?: number; leaf?: { port?: number } };
    return said.port === client && said.leaf?.port === leaf;
  } catch {
    return false;
  }
}

const upstreamHost = (url: string | undefined) => (url === undefined ? [] : [hostOf(url)]);
