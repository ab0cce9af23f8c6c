import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { checkOverrides } from '#libs/collectors';
import type { Action, CollectorType, Subject } from '#libs/contracts';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import type { CollectorPackageStatus } from '#libs/lifecycle';
import { CollectorPackage, EdgeSite, type NatsAccount } from '#libs/model';
import { assertGrantable, sortHosts } from '#libs/pki';
import { siteOfPackage } from '../edge-sites/index.js';
import { AccountService, CredentialService, PlatformHosts } from '../nats/index.js';
import { CertificateService } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { CollectorQueue } from './collector-queue.js';
import { NatsUrls } from './nats-urls.js';
import { newUserName } from './user-name.js';

export interface NewCollector {
  collectorType: CollectorType;
  site: string | null;
  hostname: string | null;
  configOverrides: unknown;
  edgeSiteId: string | null;
}

export interface CollectorFilter {
  edgeSiteId?: string;
  status?: CollectorPackageStatus;
  collectorType?: CollectorType;
}

/** A package as people see it: with its site, and with what its collector should dial. */
export interface CollectorView {
  collector: CollectorPackage;
  site: EdgeSite | null;
  /** Null when the site has not said how its leaf is reached. */
  natsUrl: string | null;
}

@Injectable()
export class CollectorsService {
  constructor(
    private readonly database: Database,
    private readonly queue: CollectorQueue,
    private readonly natsUrls: NatsUrls,
    private readonly certificates: CertificateService,
    private readonly credentials: CredentialService,
    private readonly accounts: AccountService,
    private readonly platformHosts: PlatformHosts,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Creates a package, which a worker then provisions.
   * @throws DomainError `not_found` for a site that is not there; `forbidden` without a site, for a caller who is for some sites;
   * `validation_failed`
   */
  async create(caller: Caller, input: NewCollector): Promise<CollectorView> {
    const configOverrides = checkOverrides(input.collectorType, input.configOverrides);
    checkHostname(input.hostname, this.platformHosts.reserved);
    const created = await this.database.transaction(caller.tenantScope, async (em) => {
      const site = input.edgeSiteId === null ? null : await siteOfPackage(em, caller, input.edgeSiteId, 'CollectorPackage');
      caller.authorize('create', 'CollectorPackage', { tenantId: caller.tenantId, siteLabels: site?.labels });
      const now = this.clock.now();
      const collector = Object.assign(new CollectorPackage(), {
        id: newId(this.clock, this.random),
        tenantId: caller.tenantId,
        status: 'pending' as const,
        userName: newUserName(input.collectorType, site?.slug, this.random),
        ...input,
        configOverrides,
        attempt: 1,
        generation: 1,
        provisionedGeneration: 1,
        downloadedGeneration: 1,
        installedGeneration: 1,
        createdAt: now,
        updatedAt: now,
      });
      em.persist(collector);
      const { collectorType, userName, edgeSiteId } = collector;
      this.record(em, caller, 'collector_package.create', collector, { collector_type: collectorType, user_name: userName, edge_site_id: edgeSiteId });
      return { collector, site };
    });
    await this.queue.add(created.collector);
    return this.view(created);
  }

  async list(caller: Caller, query: PageQuery & CollectorFilter): Promise<Page<CollectorView>> {
    const { edgeSiteId, status, collectorType } = query;
    const filter = Object.fromEntries(Object.entries({ edgeSiteId, status, collectorType }).filter(([, value]) => value !== undefined));
    const where = { $and: [caller.readable('CollectorPackage'), filter, after(query)] } as Where<CollectorPackage>;
    const em = this.database.em(caller.tenantScope);
    const page = pageOf(await em.find(CollectorPackage, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 }), query.limit);
    const siteIds = [...new Set(page.data.flatMap(({ edgeSiteId }) => edgeSiteId ?? []))];
    const sites = new Map((await em.find(EdgeSite, { id: siteIds })).map((site) => [site.id, site]));
    return { ...page, data: page.data.map((collector) => this.view({ collector, site: sites.get(collector.edgeSiteId ?? '') ?? null })) };
  }

  /** @throws DomainError `not_found` */
  async get(caller: Caller, id: string): Promise<CollectorView> {
    return this.database.transaction(caller.tenantScope, (em) => this.load(em, caller, id));
  }

  /** @throws DomainError `not_found`, `illegal_transition` unless it has failed */
  async retry(caller: Caller, id: string): Promise<CollectorView> {
    const view = await this.change(caller, id, 'update', (em, { collector }) => {
      collector.retry(this.clock.now());
      this.record(em, caller, 'collector_package.retry', collector, { attempt: collector.attempt });
    });
    await this.queue.add(view.collector);
    return view;
  }

  /**
   * Revokes a package with its certificate and its NATS user: the hub drops its collector, and so does its leaf.
   * @throws DomainError `not_found`, `illegal_transition`
   */
  async revoke(caller: Caller, id: string): Promise<CollectorView> {
    let accounts: NatsAccount[] = [];
    const view = await this.change(caller, id, 'revoke', async (em, { collector }) => {
      collector.revoke(this.clock.now());
      await this.certificates.revokeOfPackage(em, caller, { collectorPackageId: id }, 'cessationOfOperation');
      accounts = await this.credentials.revokeOfCollector(em, caller, id);
      this.record(em, caller, 'collector_package.revoke', collector, { user_name: collector.userName });
    });
    await this.accounts.announce(...accounts);
    return view;
  }

  /**
   * A package that the caller may do this to.
   * @param em of the package's tenant
   * @throws DomainError `not_found`, `forbidden`
   */
  async load(
    em: Em,
    caller: Caller,
    id: string,
    lockMode?: LockMode.PESSIMISTIC_WRITE,
    [action, subject]: readonly [Action, Subject] = ['read', 'CollectorPackage'],
  ): Promise<CollectorView> {
    const where = { $and: [caller.permitted(action, subject), { id }] } as Where<CollectorPackage>;
    const collector = await em.findOne(CollectorPackage, where, { lockMode });
    if (collector === null) throw noCollector();
    return this.view({ collector, site: collector.edgeSiteId ? await em.findOne(EdgeSite, { id: collector.edgeSiteId }) : null });
  }

  /** Changes a package under its lock. @throws DomainError `not_found`, `forbidden` */
  async change(
    caller: Caller,
    id: string,
    action: 'update' | 'revoke',
    work: (em: Em, view: CollectorView) => void | Promise<void>,
  ): Promise<CollectorView> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const view = await this.load(em, caller, id, LockMode.PESSIMISTIC_WRITE, [action, 'CollectorPackage']);
      await work(em, view);
      return view;
    });
  }

  private view = ({ collector, site }: Omit<CollectorView, 'natsUrl'>): CollectorView => ({ collector, site, natsUrl: this.natsUrls.of(site) });

  private record(em: Em, caller: Caller, action: string, { id }: CollectorPackage, detail: Record<string, unknown>): void {
    this.audit.record(em, caller, { action, subjectType: 'collector_package', subjectId: id, detail });
  }
}

const noCollector = () => new DomainError('not_found', 'There is no such collector package.');

/** Refuses early what the certificate's profile would refuse in the end. */
function checkHostname(hostname: string | null, reserved: readonly string[]): void {
  if (hostname === null) return;
  try {
    sortHosts([hostname]);
    assertGrantable([hostname], undefined, reserved);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { message: detail } = error;
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/hostname', code: 'host_not_allowed', detail }] });
  }
}
