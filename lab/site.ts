import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DownloadTokenDto } from '../src/bundles/dto/download-token.dto.js';
import type { EdgeSiteDto, NatsLeafServerDto } from '../src/edge-sites/dto/edge-site.dto.js';
import { type Api, ok } from './api.js';
import { run } from './child.js';
import type { Leaf } from './leaf.js';
import { until } from './until.js';

/** An edge site, with the leaf that is installed for it on this machine. */
export class Site {
  #downloads = 0;

  constructor(
    readonly id: string,
    readonly slug: string,
    readonly leaf: Leaf,
    private readonly api: Api,
    /** Takes its bundles. */
    private readonly directory: string,
  ) {}

  get(): Promise<EdgeSiteDto> {
    return ok(this.api.get<EdgeSiteDto>(`/admin/edge-sites/${this.id}`));
  }

  /** Waits until its newest generation has a bundle. */
  provisioned(): Promise<NatsLeafServerDto> {
    return until(`${this.slug} is provisioned`, async () => {
      const { leaf_server: leaf } = await this.get();
      if (leaf.last_error !== null) throw new Error(leaf.last_error);
      return leaf.status !== 'pending' && leaf;
    });
  }

  /** Waits until the API says that this generation is connected and the site active. */
  connected(generation = 1): Promise<EdgeSiteDto> {
    return until(`${this.slug} is connected with generation ${generation}`, async () => {
      const site = await this.get();
      const { status, connected_generation } = site.leaf_server;
      return site.status === 'active' && status === 'connected' && connected_generation === generation && site;
    });
  }

  offline(): Promise<EdgeSiteDto> {
    return until(`${this.slug} is offline`, async () => {
      const site = await this.get();
      return site.status === 'offline' && site;
    });
  }

  downloadToken(): Promise<DownloadTokenDto> {
    return ok(this.api.post<DownloadTokenDto>(`/admin/edge-sites/${this.id}/download-tokens`));
  }

  regenerate(): Promise<NatsLeafServerDto> {
    return ok(this.api.post<NatsLeafServerDto>(`/admin/edge-sites/${this.id}/leaf-server/regenerate`));
  }

  delete(): Promise<unknown> {
    return ok(this.api.delete(`/admin/edge-sites/${this.id}`));
  }

  /** Runs the curl line that the API printed, and unpacks what it downloads. @returns the folder of the bundle */
  async download(): Promise<string> {
    const { command } = await this.downloadToken();
    return this.unpack(await this.fetch(command));
  }

  /** Runs a curl line in an empty folder. @returns the file that it downloaded */
  async fetch(command: string): Promise<string> {
    const folder = join(this.directory, String(++this.#downloads));
    mkdirSync(folder, { recursive: true });
    await succeed(run('sh', ['-c', command], { cwd: folder }));
    return join(folder, `edge-site-${this.slug}.tar.gz`);
  }

  /** @returns the folder of the bundle */
  async unpack(archive: string): Promise<string> {
    await succeed(run('tar', ['-xzf', archive], { cwd: join(archive, '..') }));
    return join(archive, '..', `edge-site-${this.slug}`);
  }

  /** From nothing to a connected leaf. */
  async install(): Promise<void> {
    const { generation } = await this.provisioned();
    await this.leaf.install(await this.download());
    await this.connected(generation);
  }
}

async function succeed(outcome: ReturnType<typeof run>): Promise<void> {
  const { code, output } = await outcome;
  if (code !== 0) throw new Error(`A command ended with ${code}: ${output}`);
}
