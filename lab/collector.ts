import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { configFileOf, serviceOf } from '#libs/collectors';
import type { CollectorType } from '#libs/contracts';
import type { DownloadTokenDto } from '../src/bundles/dto/download-token.dto.js';
import type { CollectorPackageDto } from '../src/collectors/dto/collector.dto.js';
import { type Api, ok } from './api.js';
import { type Outcome, run } from './child.js';
import { type CollectorConfiguration, readCollectorConfiguration } from './collector-configuration.js';
import type { Downloads } from './downloads.js';
import { connectAsCollector } from './nats-client.js';
import { until } from './until.js';

/** Where the files of a package are on a host. */
const ETC = '/etc/serviceradar';

/** A collector package, and what its host does with it. */
export class Collector {
  #bundle: string | undefined;

  constructor(
    readonly id: string,
    readonly type: CollectorType,
    /** Of its NATS user. */
    readonly userName: string,
    private readonly api: Api,
    private readonly downloads: Downloads,
  ) {}

  get(): Promise<CollectorPackageDto> {
    return ok(this.api.get<CollectorPackageDto>(`/admin/collectors/${this.id}`));
  }

  /** Waits until it has a bundle. */
  provisioned(): Promise<CollectorPackageDto> {
    return until(`${this.userName} is provisioned`, async () => {
      const collector = await this.get();
      if (collector.last_error !== null) throw new Error(collector.last_error);
      return collector.provisioned_at !== null && collector;
    });
  }

  /** Runs the curl line that the API printed, and unpacks what it downloads. @returns the folder of the bundle */
  async download(): Promise<string> {
    await this.provisioned();
    const { command } = await ok(this.api.post<DownloadTokenDto>(`/admin/collectors/${this.id}/download-tokens`));
    return (this.#bundle = await this.downloads.fetch(command));
  }

  /** Waits until it has been seen connected. */
  seen(): Promise<CollectorPackageDto> {
    return until(`${this.userName} is seen at work`, async () => {
      const collector = await this.get();
      return collector.status === 'installed' && collector;
    });
  }

  /** Makes its next generation, and waits for that. */
  async renew(): Promise<void> {
    const { generation } = await ok(this.api.post<CollectorPackageDto>(`/admin/collectors/${this.id}/renew`));
    await until(`generation ${generation} of ${this.userName} is provisioned`, async () => (await this.get()).provisioned_generation === generation);
  }

  revoke(): Promise<CollectorPackageDto> {
    return ok(this.api.post<CollectorPackageDto>(`/admin/collectors/${this.id}/revoke`));
  }

  /** Runs the update.sh of its bundle. */
  update(prefix: string, ...more: string[]): Promise<Outcome> {
    return run('sh', [join(this.bundle, 'update.sh'), '--prefix', prefix, ...more]);
  }

  /** What the configuration of its bundle says, with the bundle's own files in place of those of a host. */
  get configuration(): CollectorConfiguration {
    const file = configFileOf(this.type);
    const read = this.read(join(this.bundle, this.hasUpdateScript ? 'config' : '', file));
    const at = (path: string) => path.replace(ETC, this.bundle);
    return { ...read, cert: at(read.cert), key: at(read.key), ca: at(read.ca), creds: at(read.creds) };
  }

  /** What the configuration says that update.sh installed below a prefix. */
  installed(prefix: string): CollectorConfiguration {
    return this.read(join(prefix, ETC, configFileOf(this.type)));
  }

  /**
   * Connects as the collector does, with nothing but its files.
   * @throws the server's refusal
   */
  connect(configuration = this.configuration): Promise<NatsConnection> {
    return connectAsCollector(configuration);
  }

  /** Whether it is a service of a host; falcosidekick runs in Kubernetes. */
  private get hasUpdateScript(): boolean {
    return serviceOf(this.type) !== null;
  }

  private read(file: string): CollectorConfiguration {
    return readCollectorConfiguration(this.type, readFileSync(file, 'utf8'));
  }

  private get bundle(): string {
    if (this.#bundle === undefined) throw new Error('No bundle was downloaded.');
    return this.#bundle;
  }
}
