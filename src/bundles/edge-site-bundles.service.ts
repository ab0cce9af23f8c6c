import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { edgeSiteEntries, packBundle } from '#libs/bundle';
import { DomainError, isId, Secret } from '#libs/kernel';
import { EdgeSite, NatsLeafServer } from '#libs/model';
import { openLeafSecrets } from '../edge-sites/index.js';
import { Audit } from '../platform/audit/index.js';
import { Caller, type Origin } from '../platform/auth/index.js';
import { Database, type Em, type Scope, type Where } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { PublicUrl } from '../platform/public-url.js';
import { downloadCommand } from './download-command.js';
import { DownloadTokensService } from './download-tokens.service.js';

/** A bundle on its way. */
export interface Download {
  fileName: string;
  stream: Readable;
}

interface Provisioned {
  site: EdgeSite;
  leaf: NatsLeafServer;
}

@Injectable()
export class EdgeSiteBundlesService {
  constructor(
    private readonly database: Database,
    private readonly tokens: DownloadTokensService,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
    private readonly publicUrl: PublicUrl,
  ) {}

  /** @throws DomainError `not_found`, `not_provisioned` */
  async download(caller: Caller, siteId: string): Promise<Download> {
    const found = await this.database.transaction(caller.tenantScope, async (em) => {
      const found = await provisioned(em, { $and: [caller.readable('EdgeSite'), { id: siteId }] } as Where<EdgeSite>);
      caller.authorize('download', 'Bundle', found.site);
      this.recordDownload(em, caller, found);
      return found;
    });
    return this.pack(found);
  }

  /** A one-time token for the host that has no API key, with the line to paste there. */
  async issueToken(caller: Caller, siteId: string, lifetime?: number) {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const site = await em.findOne(EdgeSite, { $and: [caller.readable('EdgeSite'), { id: siteId }] } as Where<EdgeSite>);
      if (site === null) throw noSite();
      caller.authorize('create', 'DownloadToken', site);
      const { token, expiresAt } = this.tokens.issue(em, caller, target(siteId), lifetime);
      const command = downloadCommand({
        url: `${this.publicUrl.value}/api/edge-sites/${siteId}/bundle`,
        token,
        fileName: fileName(site),
      });
      return { token, expiresAt, command };
    });
  }

  /**
   * The download of whoever holds a token. A token is used up only when there is something to download.
   * @throws DomainError `not_found`, `not_provisioned`
   */
  async downloadByToken(siteId: string, token: string | undefined, origin: Origin): Promise<Download> {
    if (token === undefined || !isId(siteId)) throw noSite();
    const secret = new Secret(token);
    const { id, tenantId } = await this.tokens.find(secret, target(siteId));
    const scope: Scope = { tenantId };
    const found = await this.database.transaction(scope, async (em) => {
      const found = await provisioned(em, { id: siteId });
      await this.tokens.use(em, secret, target(siteId), origin.sourceAddress);
      const principal = { actor: `download_token:${id}`, id, name: 'download token', role: 'viewer' as const, tenantId };
      this.recordDownload(em, new Caller(principal, origin), found);
      return found;
    });
    return this.pack(found);
  }

  private recordDownload(em: Em, caller: Caller, { site, leaf }: Provisioned): void {
    this.audit.record(em, caller, {
      action: 'edge_site_bundle.download',
      subjectType: 'edge_site',
      subjectId: site.id,
      detail: { generation: leaf.provisionedGeneration },
    });
  }

  private pack({ site, leaf }: Provisioned): Download {
    const entries = edgeSiteEntries({
      files: leaf.bundleFiles!,
      certificates: {
        leafCertPem: leaf.leafCertPem!,
        serverCertPem: leaf.serverCertPem!,
        caChainPem: leaf.caChainPem!,
        tenantCaPem: leaf.tenantCaPem!,
      },
      secrets: openLeafSecrets(this.keyRing, leaf),
    });
    return { fileName: fileName(site), stream: packBundle(folder(site), entries, { mtime: leaf.provisionedAt! }) };
  }
}

const target = (siteId: string) => ({ purpose: 'edge_site_bundle' as const, objectId: siteId });
const folder = (site: EdgeSite) => `edge-site-${site.slug}`;
const fileName = (site: EdgeSite) => `${folder(site)}.tar.gz`;
const noSite = () => new DomainError('not_found', 'There is no such edge site.');

async function provisioned(em: Em, where: Where<EdgeSite>): Promise<Provisioned> {
  // Only read: without a snapshot to compare with, the texts of the bundle are not serialised once more.
  const readOnly = { disableIdentityMap: true };
  const site = await em.findOne(EdgeSite, where, readOnly);
  const leaf = site && (await em.findOne(NatsLeafServer, { edgeSiteId: site.id }, { populate: ['bundleFiles'], ...readOnly }));
  if (site === null || leaf === null) throw noSite();
  if (leaf.status === 'pending') {
    const why = leaf.lastError ?? 'It is being provisioned: try again in a few seconds.';
    throw new DomainError('not_provisioned', `Generation ${leaf.generation} of the leaf has no bundle yet. ${why}`);
  }
  return { site, leaf };
}
