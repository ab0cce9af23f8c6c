import { LockMode } from '@mikro-orm/postgresql';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { OnboardingPackage } from '#libs/model';
import { type Dependent, type SiteDependency, SiteDependents } from '../edge-sites/index.js';
import type { Caller } from '../platform/auth/index.js';
import type { Em } from '../platform/database/index.js';
import { OnboardingPackagesService } from './onboarding-packages.service.js';

const GOOD = { status: ['issued' as const, 'delivered' as const, 'activated' as const] };

/** The components of a site that is being deleted. They are the site's, and end with it. */
@Injectable()
export class SiteComponents implements SiteDependency, OnModuleInit {
  constructor(
    private readonly dependents: SiteDependents,
    private readonly packages: OnboardingPackagesService,
  ) {}

  onModuleInit(): void {
    this.dependents.register(this);
  }

  async ofSite(em: Em, edgeSiteId: string): Promise<Dependent[]> {
    const found = await em.find(OnboardingPackage, { edgeSiteId, ...GOOD }, { orderBy: { id: 'desc' } });
    return found.map(({ id, label }) => ({ kind: 'onboarding_package', id, name: label }));
  }

  async release(em: Em, caller: Caller, edgeSiteId: string): Promise<void> {
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE as const, orderBy: { id: 'asc' as const } };
    for (const found of await em.find(OnboardingPackage, { edgeSiteId, ...GOOD }, lock)) {
      await this.packages.revokeLocked(em, caller, found);
    }
    await em.flush();
  }
}
