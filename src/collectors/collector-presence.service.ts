import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { CollectorPackage } from '#libs/model';
import { Audit } from '../platform/audit/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';

/** Collectors of a tenant that will be seen at the same place: at the hub, or at the leaf of a site. */
export interface ExpectedCollectors {
  tenantId: string;
  /** Public key of the tenant's account. */
  account: string;
  /** The site whose leaf they dial; null for the hub. */
  siteSlug: string | null;
  /** Ids of their packages, by the public keys of their users. */
  packages: Readonly<Record<string, string>>;
}

/** Takes note of collectors that have been seen at work. */
@Injectable()
export class CollectorPresence {
  private readonly logger = new Logger(CollectorPresence.name);

  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Collectors whose package was downloaded and that have not been seen since, where they can be asked for: not at a leaf without a control
   * link. Nobody has the files of a package that was never downloaded.
   */
  expected(): Promise<ExpectedCollectors[]> {
    return this.database.em(PLATFORM).execute<ExpectedCollectors[]>(
      `select account.tenant_id as "tenantId", account.public_key as account, site.slug as "siteSlug",
              jsonb_object_agg(nats_user.public_key, package.id) as packages
         from collector_packages package
         join nats_users nats_user on nats_user.collector_package_id = package.id and nats_user.status = 'issued'
         join nats_accounts account on account.id = nats_user.account_id
         left join edge_sites site on site.id = package.edge_site_id
         left join leaf_control_links link on link.edge_site_id = package.edge_site_id
        where package.status = 'downloaded' and (package.edge_site_id is null or link.edge_site_id is not null)
        group by account.id, site.id`,
    );
  }

  /** The collectors of these packages are connected: what was downloaded is installed. It can be said twice. */
  async seen(tenantId: string, packageIds: readonly string[]): Promise<void> {
    if (packageIds.length === 0) return;
    await this.database.transaction({ tenantId }, async (em) => {
      const where = { id: [...packageIds], status: 'downloaded' as const };
      const found = await em.find(CollectorPackage, where, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
      for (const collector of found) {
        const { id, userName } = collector;
        collector.install(this.clock.now());
        this.audit.record(em, systemCaller('presence', tenantId), {
          action: 'collector_package.install',
          subjectType: 'collector_package',
          subjectId: id,
          detail: { user_name: userName },
        });
        this.logger.log({ tenantId, packageId: id }, 'a collector was seen at work');
      }
    });
  }
}
