import { LockMode } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { edgePackageEntries, edgePackageFolder, packBundle } from '#libs/bundle';
import { DomainError } from '#libs/kernel';
import { onboardingPackageLifecycle } from '#libs/lifecycle';
import { OnboardingPackage } from '#libs/model';
import { OnboardingPackagesService, openComponentKey } from '../onboarding/index.js';
import { AuthorityService } from '../pki/index.js';
import type { Caller } from '../platform/auth/index.js';
import { Database, type Em } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { GATEWAY_NAME, GatewayAddress } from '../platform/gateway-address.js';
import type { PackedDownload } from './download.js';
import { DownloadTokensService, type Presented, unusable } from './download-tokens.service.js';
import { SignedTokens } from './signed-tokens.service.js';

const target = (id: string) => ({ purpose: 'onboarding_bundle' as const, objectId: id });

/** Its certificate is made once. */
const THE_ONE_GENERATION = 1;

@Injectable()
export class OnboardingBundlesService {
  constructor(
    private readonly database: Database,
    private readonly packages: OnboardingPackagesService,
    private readonly tokens: DownloadTokensService,
    private readonly signedTokens: SignedTokens,
    private readonly authorities: AuthorityService,
    private readonly keyRing: KeyRing,
    private readonly gateway: GatewayAddress,
  ) {}

  /** @throws DomainError `not_found`; `illegal_transition` when the package is over */
  async issueToken(caller: Caller, id: string, lifetime?: number) {
    const issued = await this.database.transaction(caller.tenantScope, async (em) => {
      const found = await this.packages.load(em, caller, id, undefined, ['create', 'DownloadToken']);
      if (!isDeliverable(found)) {
        throw new DomainError('illegal_transition', `The onboarding package is ${found.status}: nothing of it can be downloaded any more. Issue another one.`);
      }
      return this.signedTokens.issue(em, caller, target(id), lifetime);
    });
    return this.signedTokens.sign(issued, { path: `edge-packages/${id}/bundle`, folder: edgePackageFolder(id) });
  }

  /** @throws DomainError `not_found` */
  async downloadByToken(id: string, presented: Presented): Promise<PackedDownload> {
    const shown = await this.signedTokens.open(target(id), presented);
    return this.database.transaction(shown.scope, async (em) => {
      const found = await this.packages.load(em, shown.caller, id, LockMode.PESSIMISTIC_WRITE);
      if (!isDeliverable(found)) throw unusable();
      await this.tokens.use(em, shown, THE_ONE_GENERATION);
      this.packages.deliver(em, shown.caller, found);
      return this.pack(em, id);
    });
  }

  private async pack(em: Em, id: string): Promise<PackedDownload> {
    const found = await em.findOneOrFail(
      OnboardingPackage,
      { id },
      { populate: ['certPem', 'keyPemCiphertext'], disableIdentityMap: true },
    );
    const { chainPem } = await this.authorities.chainOf(em, found.tenantId);
    const folder = edgePackageFolder(id);
    const entries = edgePackageEntries({
      packageId: id,
      label: found.label,
      componentType: found.componentType,
      componentId: found.componentId,
      gatewayAddress: this.gateway.value,
      serverName: GATEWAY_NAME,
      certificates: { certPem: found.certPem as string, caChainPem: chainPem },
      secrets: { keyPem: openComponentKey(this.keyRing, found as never) },
    });
    return { fileName: `${folder}.tar.gz`, content: packBundle(folder, entries, { mtime: found.createdAt }) };
  }
}

/** It may be fetched again until it is activated. */
const isDeliverable = ({ status }: Pick<OnboardingPackage, 'status'>) => onboardingPackageLifecycle.can(status, 'EXPIRE');
