import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import type { CollectorPackageStatus } from '#libs/lifecycle';
import { CollectorPackage } from '#libs/model';
import { gainsByRenewal, type Revoked } from '../edge-sites/index.js';
import { AccountService, CredentialService } from '../nats/index.js';
import { AuthorityService, CertificateService } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { CollectorQueue } from './collector-queue.js';
import { CollectorsService, type CollectorView } from './collectors.service.js';

type Detail = Record<string, unknown>;

const RENEWABLE: ReadonlySet<CollectorPackageStatus> = new Set<CollectorPackageStatus>(['ready', 'downloaded', 'installed']);

/** The generations of packages, as those of leaves: how a new one comes, and how those before it go. */
@Injectable()
export class CollectorGenerations {
  constructor(
    private readonly database: Database,
    private readonly collectors: CollectorsService,
    private readonly queue: CollectorQueue,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    private readonly credentials: CredentialService,
    private readonly accounts: AccountService,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Asks for a new certificate and NATS user; those before work until the new ones were seen at work.
   * @throws DomainError `not_found`, `forbidden`; `illegal_transition` before there are any, while others are being made, and when the
   * package is revoked
   */
  async renew(caller: Caller, id: string): Promise<CollectorView> {
    const view = await this.collectors.change(caller, id, 'update', (em, { collector }) => this.request(em, caller, collector));
    await this.queue.add(view.collector);
    return view;
  }

  /**
   * Asks for them when the newest ones are expiring soon, and the next ones would end later. Not while they are being made.
   * @returns whether it did
   */
  renewExpiring(caller: Caller, id: string): Promise<boolean> {
    return this.requestWhere(caller, id, async (em, { certExpiresAt, tenantId }) => {
      if (!certExpiresAt || !gainsByRenewal(certExpiresAt, await this.authorities.activeCa(em, tenantId), this.clock.now())) return undefined;
      return { cert_expires_at: certExpiresAt.toISOString() };
    });
  }

  /** As `LeafGenerations.supersede`. */
  supersede(caller: Caller, id: string, generation: number): Promise<boolean> {
    return this.requestWhere(caller, id, (_em, collector) => (collector.generation === generation ? { supersedes: generation } : undefined));
  }

  /** @param due whether it is to be done, with what is to be said of it; undefined when not */
  private async requestWhere(
    caller: Caller,
    id: string,
    due: (em: Em, collector: CollectorPackage) => Promise<Detail | undefined> | Detail | undefined,
  ): Promise<boolean> {
    const renewed = await this.database.transaction(caller.tenantScope, async (em) => {
      const collector = await em.findOne(CollectorPackage, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (collector === null || !RENEWABLE.has(collector.status) || collector.renewing) return undefined;
      const detail = await due(em, collector);
      if (detail !== undefined) this.request(em, caller, collector, detail);
      return detail && collector;
    });
    if (renewed === undefined) return false;
    await this.queue.add(renewed);
    return true;
  }

  /**
   * Revokes all generations before the newest at once, whether or not that was seen: a collector that runs one of them is cut off.
   * @throws DomainError `not_found`, `forbidden`; `not_provisioned` while the newest is not made; `illegal_transition` when the package is
   * revoked; `conflict` when nothing older is good
   */
  async revokePrevious(caller: Caller, id: string): Promise<CollectorView> {
    let revoked: Revoked = { certificates: 0, accounts: [] };
    const view = await this.collectors.change(caller, id, 'revoke', async (em, { collector }) => {
      if (collector.status === 'revoked') throw new DomainError('illegal_transition', 'The collector package is revoked, with all of its generations.');
      if (collector.renewing || !collector.provisionedAt) throw notMade(collector);
      revoked = await this.revokeBefore(em, caller, collector, collector.generation);
      if (revoked.certificates === 0 && revoked.accounts.length === 0) throw nothingOlder(collector.generation);
      this.record(em, caller, 'collector_package.revoke_previous', collector, { before_generation: collector.generation });
    });
    await this.accounts.announce(...revoked.accounts);
    return view;
  }

  /** Revokes the certificates and the NATS users of the package's generations before this one. */
  async revokeBefore(em: Em, caller: Caller, { id: collectorPackageId }: CollectorPackage, generation: number): Promise<Revoked> {
    if (generation === 1) return { certificates: 0, accounts: [] };
    const upToGeneration = generation - 1;
    const { length } = await this.certificates.revokeOfPackage(em, caller, { collectorPackageId }, 'superseded', upToGeneration);
    return { certificates: length, accounts: await this.credentials.revokeOfCollector(em, caller, collectorPackageId, { upToGeneration }) };
  }

  private request(em: Em, caller: Caller, collector: CollectorPackage, detail: Detail = {}): void {
    collector.renew(this.clock.now());
    this.record(em, caller, 'collector_package.renew', collector, { generation: collector.generation, ...detail });
  }

  private record(em: Em, caller: Caller, action: string, { id }: CollectorPackage, detail: Record<string, unknown>): void {
    this.audit.record(em, caller, { action, subjectType: 'collector_package', subjectId: id, detail });
  }
}

function notMade({ generation, lastError, status }: CollectorPackage): DomainError {
  const again = status === 'failed' ? 'Retry first.' : 'Renew first.';
  const why = lastError === null ? 'is being made. Wait until it is provisioned.' : `could not be made: ${lastError} ${again}`;
  return new DomainError('not_provisioned', `Generation ${generation}, which is to take over, ${why}`);
}

function nothingOlder(generation: number): DomainError {
  const what = generation === 1 ? 'is the first one' : 'is the only one that is not revoked';
  return new DomainError('conflict', `There is nothing to revoke: generation ${generation} ${what}. Renew first if the collector’s credentials are known to others.`);
}
