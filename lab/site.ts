import type { DownloadTokenDto } from '../src/bundles/dto/download-token.dto.js';
import type { EdgeSiteDto, NatsLeafServerDto } from '../src/edge-sites/dto/edge-site.dto.js';
import { type Api, ok } from './api.js';
import type { Downloads } from './downloads.js';
import type { Leaf } from './leaf.js';
import { until } from './until.js';

/** An edge site, with the leaf that is installed for it on this machine. */
export class Site {
  constructor(
    readonly id: string,
    readonly slug: string,
    readonly leaf: Leaf,
    private readonly api: Api,
    private readonly downloads: Downloads,
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

  /** @param query with its question mark */
  delete(query = ''): Promise<unknown> {
    return ok(this.api.delete(`/admin/edge-sites/${this.id}${query}`));
  }

  /** Runs the curl line that the API printed, and unpacks what it downloads. @returns the folder of the bundle */
  async download(): Promise<string> {
    const { command } = await this.downloadToken();
    return this.downloads.fetch(command);
  }

  /** From nothing to a connected leaf. */
  async install(): Promise<void> {
    const { generation } = await this.provisioned();
    await this.leaf.install(await this.download());
    await this.connected(generation);
  }
}
