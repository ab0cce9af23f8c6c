import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { collectorEntries, collectorFolder, packBundle } from '#libs/bundle';
import { configFileOf, renderCollectorConfiguration } from '#libs/collectors';
import { type Clock, DomainError } from '#libs/kernel';
import { CollectorPackage, NatsLeafServer, Tenant } from '#libs/model';
import { type CollectorView, CollectorsService, openCollectorSecrets } from '../collectors/index.js';
import { AuthorityService } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import type { PackedDownload } from './download.js';
import { DownloadTokensService, type Presented, unusable } from './download-tokens.service.js';
import { SignedTokens } from './signed-tokens.service.js';

@Injectable()
export class CollectorBundlesService {
  constructor(
    private readonly database: Database,
    private readonly collectors: CollectorsService,
    private readonly tokens: DownloadTokensService,
    private readonly signedTokens: SignedTokens,
    private readonly authorities: AuthorityService,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * A one-time token for the collector's host, with the line to paste there. It is signed: the host can tell whose it is before it fetches
   * anything.
   * @throws DomainError `not_found`, `illegal_transition` when the package is revoked
   */
  async issueToken(caller: Caller, id: string, lifetime?: number) {
    const { collector, issued } = await this.database.transaction(caller.tenantScope, async (em) => {
      const { collector } = await this.collectors.load(em, caller, id, undefined, ['create', 'DownloadToken']);
      if (collector.status === 'revoked') {
        throw new DomainError('illegal_transition', 'The collector package is revoked: nothing of it can be downloaded any more.');
      }
      return { collector, issued: this.signedTokens.issue(em, caller, target(id), lifetime) };
    });
    const configFile = configFileOf(collector.collectorType);
    return this.signedTokens.sign(issued, { path: `collectors/${id}/bundle`, folder: collectorFolder(id), configFile });
  }

  /**
   * The download of whoever holds a token. A token is used up only when there is something to download.
   * @throws DomainError `not_found`, `not_provisioned`, `nats_leaf_url_missing`
   */
  async downloadByToken(id: string, presented: Presented): Promise<PackedDownload> {
    const shown = await this.signedTokens.open(target(id), presented);
    return this.database.transaction(shown.scope, async (em) => {
      const view = await this.collectors.load(em, shown.caller, id, LockMode.PESSIMISTIC_WRITE);
      const natsUrl = downloadable(view);
      await this.tokens.use(em, shown, view.collector.provisionedGeneration);
      view.collector.download(natsUrl, this.clock.now());
      this.audit.record(em, shown.caller, {
        action: 'collector_bundle.download',
        subjectType: 'collector_package',
        subjectId: id,
        detail: { nats_url: natsUrl },
      });
      return this.pack(em, view, natsUrl);
    });
  }

  private async pack(em: Em, { collector: { id }, site }: CollectorView, natsUrl: string): Promise<PackedDownload> {
    const collector = await em.findOneOrFail(
      CollectorPackage,
      { id },
      { populate: ['certPem', 'keyPemCiphertext', 'credsCiphertext'], disableIdentityMap: true },
    );
    const tenant = await em.findOneOrFail(Tenant, { id: collector.tenantId });
    const leaf = site && (await em.findOneOrFail(NatsLeafServer, { edgeSiteId: site.id }));
    const configuration = renderCollectorConfiguration({
      type: collector.collectorType,
      natsUrl,
      jetstreamDomain: leaf?.jetstreamDomain ?? null,
      tenantSlug: tenant.slug,
      siteSlug: site?.slug ?? null,
      hostname: collector.hostname ?? collector.userName,
      overrides: collector.configOverrides,
    });
    const { chainPem } = await this.authorities.chainOf(em, tenant.id);
    const entries = collectorEntries({
      packageId: id,
      type: collector.collectorType,
      siteName: site?.name ?? null,
      natsUrl,
      configuration,
      certificates: { certPem: collector.certPem as string, caChainPem: chainPem },
      secrets: openCollectorSecrets(this.keyRing, collector as never),
    });
    const folder = collectorFolder(id);
    return { fileName: `${folder}.tar.gz`, content: packBundle(folder, entries, { mtime: collector.provisionedAt as Date }) };
  }
}

const target = (id: string) => ({ purpose: 'collector_bundle' as const, objectId: id });

/**
 * @returns what the configuration dials
 * @throws DomainError as `downloadByToken`
 */
function downloadable({ collector, site, natsUrl }: CollectorView): string {
  switch (collector.status) {
    case 'pending':
    case 'provisioning':
      throw new DomainError('not_provisioned', 'The collector package has no bundle yet. It is being provisioned: try again in a few seconds.');
    case 'failed':
      throw new DomainError('not_provisioned', `The collector package could not be provisioned: ${collector.lastError} Retry it: POST /api/admin/collectors/${collector.id}/retry.`);
    case 'revoked':
      throw unusable();
    case 'ready':
    case 'downloaded':
    case 'installed':
  }
  if (natsUrl !== null) return natsUrl;
  throw new DomainError(
    'nats_leaf_url_missing',
    `Nobody has said yet how collectors reach the leaf of the site "${site?.slug}". Set it: PATCH /api/admin/edge-sites/${site?.id} {"nats_leaf_url": "tls://<host>:<port>"}.`,
  );
}
