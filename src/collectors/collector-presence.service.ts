import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { CollectorPackage, type NatsAccount, NatsUser } from '#libs/model';
import { AccountService } from '../nats/index.js';
import { Audit } from '../platform/audit/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { CollectorGenerations } from './collector-generations.service.js';

/** Collectors of a tenant that will be seen at the same place: at the hub, or at the leaf of a site. */
export interface ExpectedCollectors {
  tenantId: string;
  /** Public key of the tenant's account. */
  account: string;
  /** The site whose leaf they dial; null for the hub. */
  siteSlug: string | null;
  /** Public keys of their users. */
  users: readonly string[];
}

/** Takes note of collectors that have been seen at work, and revokes what they have been given before. */
@Injectable()
export class CollectorPresence {
  private readonly logger = new Logger(CollectorPresence.name);

  constructor(
    private readonly database: Database,
    private readonly generations: CollectorGenerations,
    private readonly accounts: AccountService,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Collectors whose package was downloaded, in a generation that they have not been seen with, where they can be asked for: not at a leaf
   * without a control link. Nobody has the files of a generation that was never downloaded.
   */
  expected(): Promise<ExpectedCollectors[]> {
    return this.database.em(PLATFORM).execute<ExpectedCollectors[]>(
      `select account.tenant_id as "tenantId", account.public_key as account, site.slug as "siteSlug",
              jsonb_agg(nats_user.public_key) as users
         from collector_packages package
         join nats_users nats_user on nats_user.collector_package_id = package.id and nats_user.status = 'issued'
         join nats_accounts account on account.id = nats_user.account_id
         left join edge_sites site on site.id = package.edge_site_id
         left join leaf_control_links link on link.edge_site_id = package.edge_site_id
        where (package.status = 'downloaded' or package.status = 'installed' and package.installed_generation < package.downloaded_generation)
          and coalesce(nats_user.generation, 1) <= package.downloaded_generation
          and (package.status = 'downloaded' or coalesce(nats_user.generation, 1) > package.installed_generation)
          and (package.edge_site_id is null or link.edge_site_id is not null)
        group by account.id, site.id`,
    );
  }

  /**
   * These users of a tenant's collectors are connected: what was downloaded is installed, and the generations before are revoked. It can be
   * said twice.
   */
  async seen(tenantId: string, userKeys: readonly string[]): Promise<void> {
    if (userKeys.length === 0) return;
    const accounts = await this.database.transaction({ tenantId }, async (em) => {
      const users = await em.find(NatsUser, { publicKey: [...userKeys], status: 'issued', collectorPackageId: { $ne: null } });
      const where = { id: users.map(({ collectorPackageId }) => collectorPackageId!) };
      const found = await em.find(CollectorPackage, where, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
      const older: NatsAccount[] = [];
      for (const collector of found) {
        const own = users.filter(({ collectorPackageId }) => collectorPackageId === collector.id);
        older.push(...(await this.install(em, collector, Math.max(...own.map(generationOf)))));
      }
      return new Set(older);
    });
    await this.accounts.announce(...accounts);
  }

  /** @returns the accounts to announce when that is committed */
  private async install(em: Em, collector: CollectorPackage, generation: number): Promise<NatsAccount[]> {
    if (!collector.install(generation, this.clock.now())) return [];
    const { id, tenantId, userName } = collector;
    const caller = systemCaller('presence', tenantId);
    const detail = { user_name: userName, generation };
    this.audit.record(em, caller, { action: 'collector_package.install', subjectType: 'collector_package', subjectId: id, detail });
    this.logger.log({ tenantId, packageId: id, generation }, 'a collector was seen at work');
    return (await this.generations.revokeBefore(em, caller, collector, generation)).accounts;
  }
}

/** Those of the first generation have none, where it is older than generations are. */
const generationOf = ({ generation }: NatsUser): number => generation ?? 1;
