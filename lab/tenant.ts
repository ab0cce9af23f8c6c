import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CollectorType } from '#libs/contracts';
import type { CreatedApiKeyDto } from '../src/api-keys/dto/api-key.dto.js';
import type { CollectorPackageDto } from '../src/collectors/dto/collector.dto.js';
import type { EdgeSiteDto } from '../src/edge-sites/dto/edge-site.dto.js';
import type { CreatedNatsCredentialDto } from '../src/nats/dto/nats.dto.js';
import type { TenantDto } from '../src/tenants/dto/tenant.dto.js';
import { type Api, ok } from './api.js';
import { Collector } from './collector.js';
import { Downloads } from './downloads.js';
import { freePort } from './free-port.js';
import { Leaf } from './leaf.js';
import { Site } from './site.js';

interface TenantOptions {
  /** Takes what its sites and collectors download and install. */
  directory: string;
  /** The program that its leaves run. */
  natsServer: string;
}

/** Creates a tenant. @returns what it is called, and the API as its administrator */
export async function createTenant(platform: Api, name: string): Promise<{ id: string; slug: string; api: Api }> {
  const { id, slug } = await ok(platform.post<TenantDto>('/admin/tenants', { name }));
  const asked = { name: 'Laboratory', role: 'admin' };
  const { key } = await ok(platform.as({ ...platform.credentials, tenant: slug }).post<CreatedApiKeyDto>('/admin/api-keys', asked));
  return { id, slug, api: platform.as({ key }) };
}

/** A tenant, seen by its own administrator. */
export class Tenant {
  readonly sites: Site[] = [];
  readonly collectors: Collector[] = [];

  private constructor(
    readonly id: string,
    readonly slug: string,
    /** As the tenant's administrator. */
    readonly api: Api,
    private readonly options: TenantOptions,
  ) {}

  /** Creates the tenant, and an administrator's key in it. */
  static async create(platform: Api, name: string, options: TenantOptions): Promise<Tenant> {
    const { id, slug, api } = await createTenant(platform, name);
    return new Tenant(id, slug, api, options);
  }

  /** Its leaf is to listen on free ports of this machine. */
  async createSite(name: string, more: Record<string, unknown> = {}): Promise<Site> {
    const [port, monitorPort] = await Promise.all([freePort(), freePort()]);
    const asked = {
      name,
      nats_leaf_url: `tls://127.0.0.1:${port}`,
      local_listen: `127.0.0.1:${port}`,
      monitor_port: monitorPort,
      ...more,
    };
    const { id, slug } = await ok(this.api.post<EdgeSiteDto>('/admin/edge-sites', asked));
    const directory = join(this.options.directory, this.slug, slug);
    mkdirSync(directory, { recursive: true });
    const leaf = new Leaf({ prefix: join(directory, 'host'), port, monitorPort, natsServer: this.options.natsServer });
    const site = new Site(id, slug, leaf, this.api, new Downloads(directory, `edge-site-${slug}`));
    this.sites.push(site);
    return site;
  }

  /** @param site whose leaf it dials; without one, it dials the hub */
  async createCollector(type: CollectorType, site?: Site, more: Record<string, unknown> = {}): Promise<Collector> {
    const asked = { collector_type: type, edge_site_id: site?.id, ...more };
    const { id, user_name: userName } = await ok(this.api.post<CollectorPackageDto>('/admin/collectors', asked));
    const directory = join(this.options.directory, this.slug, userName);
    const collector = new Collector(id, type, userName, this.api, new Downloads(directory, `collector-package-${id.slice(0, 8)}`));
    this.collectors.push(collector);
    return collector;
  }

  /** A NATS user for an hour. @returns the text of its .creds file */
  async credentials({ publish = [], subscribe = [] }: { publish?: string[]; subscribe?: string[] }): Promise<string> {
    const asked = { name: 'laboratory', publish, subscribe, expires_in: 3600 };
    return (await ok(this.api.post<CreatedNatsCredentialDto>('/admin/nats/credentials', asked))).creds;
  }
}
