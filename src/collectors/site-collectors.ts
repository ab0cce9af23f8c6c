import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { CollectorPackage } from '#libs/model';
import { type Dependent, type SiteDependency, SiteDependents } from '../edge-sites/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import type { Em } from '../platform/database/index.js';

/** The collectors of a site that is being deleted. */
@Injectable()
export class SiteCollectors implements SiteDependency, OnModuleInit {
  constructor(
    private readonly dependents: SiteDependents,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.dependents.register(this);
  }

  async ofSite(em: Em, edgeSiteId: string): Promise<Dependent[]> {
    const found = await em.find(CollectorPackage, { edgeSiteId, status: { $ne: 'revoked' } }, { orderBy: { id: 'desc' } });
    return found.map(({ id, userName }) => ({ kind: 'collector_package', id, name: userName }));
  }

  /** They dial the hub from now on; what was downloaded is outdated. */
  async release(em: Em, caller: Caller, edgeSiteId: string): Promise<void> {
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE as const, orderBy: { id: 'asc' as const } };
    for (const collector of await em.find(CollectorPackage, { edgeSiteId }, lock)) {
      collector.edgeSiteId = null;
      collector.updatedAt = this.clock.now();
      this.audit.record(em, caller, {
        action: 'collector_package.detach',
        subjectType: 'collector_package',
        subjectId: collector.id,
        detail: { edge_site_id: edgeSiteId },
      });
    }
    await em.flush();
  }
}
