import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { Health } from '#libs/health';
import { type Clock, newId, type Random } from '#libs/kernel';
import { EdgeSite, NatsLeafServer } from '#libs/model';
import { AccountService, CredentialService, HubAddress, PlatformHosts } from '../nats/index.js';
import { CertificateService } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import type { Precondition } from '../platform/conditional/index.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { slugOf } from '../platform/validation/index.js';
import { SiteHealth } from '../site-health/index.js';
import { SiteBuffers, Streams } from '../streams/index.js';
import { BUFFER_DEFAULTS, bufferColumns, checkBufferFits } from './buffer-settings.js';
import { FIRST_DOMAIN, furtherDomain, HUB_DOMAIN, LEAF_DEFAULTS, RESERVED_SITE_SLUGS } from './leaf-defaults.js';
import { LeafGenerations } from './leaf-generations.service.js';
import { checkListenerHosts } from './listener-hosts.js';
import { ProvisioningQueue } from './provisioning-queue.js';
import { applyChanges, given, leafSettings, type NewSite, type SiteChanges } from './site-changes.js';
import { SiteDependents } from './site-dependents.js';
import { type SiteFilter, siteCondition } from './site-list.js';
import { bufferUnknown, checkPorts, explainConflict, hasBufferedMessages, inUse, invalid, refuseToShrinkBuffer } from './site-refusals.js';
import { loadSite, noSuchSite, type MeasuredSite, type SiteInHealth, type SiteWithLeaf } from './site-with-leaf.js';

/** How a site is deleted, and of which version it must be. */
interface SiteDeletion {
  detach?: boolean;
  discard?: boolean;
  precondition?: Precondition;
}

@Injectable()
export class EdgeSitesService {
  constructor(
    private readonly database: Database,
    private readonly provisioning: ProvisioningQueue,
    private readonly generations: LeafGenerations,
    private readonly certificates: CertificateService,
    private readonly credentials: CredentialService,
    private readonly accounts: AccountService,
    private readonly dependents: SiteDependents,
    private readonly streams: Streams,
    private readonly buffers: SiteBuffers,
    private readonly health: SiteHealth,
    private readonly hub: HubAddress,
    private readonly platformHosts: PlatformHosts,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Creates a site and its leaf, which a worker then provisions.
   * @throws DomainError `forbidden` for a site that the caller would not reach; `slug_taken`, `jetstream_domain_taken`, `validation_failed`
   */
  async create(caller: Caller, input: NewSite): Promise<SiteInHealth> {
    caller.authorize('create', 'EdgeSite', { tenantId: caller.tenantId, siteLabels: input.labels });
    const slug = slugOf(input);
    if (RESERVED_SITE_SLUGS.has(slug)) throw invalid('/slug', 'reserved', `The slug "${slug}" is reserved. Choose another.`);
    if (input.jetstreamDomain === HUB_DOMAIN) throw invalid('/jetstream_domain', 'reserved', 'The domain "hub" is the hub’s own.');
    checkListenerHosts(input, this.platformHosts.reserved);
    const created = await this.database
      .transaction(caller.tenantScope, async (em) => {
        const jetstreamDomain = input.jetstreamDomain ?? (await this.freeDomain(em, caller.tenantId, slug));
        const made = this.newSite(caller.tenantId, slug, jetstreamDomain, input);
        checkPorts(made.leaf);
        checkBufferFits(made.site, made.leaf);
        em.persist(made.site);
        await em.flush();
        em.persist(made.leaf);
        await em.flush();
        this.record(em, caller, 'edge_site.create', made.site, { slug, jetstream_domain: jetstreamDomain });
        return this.inHealth(em, made);
      })
      .catch((error: unknown) => {
        throw explainConflict(error, slug, input.jetstreamDomain);
      });
    await this.provisioning.add(created.leaf);
    return created;
  }

  async list(caller: Caller, query: PageQuery & SiteFilter): Promise<Page<SiteInHealth>> {
    const where = { $and: [caller.readable('EdgeSite'), siteCondition(query), after(query)] } as Where<EdgeSite>;
    const em = this.database.em(caller.tenantScope);
    const sites = await em.find(EdgeSite, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    const leaves = await em.find(NatsLeafServer, { edgeSiteId: sites.map(({ id }) => id) });
    const leafOf = new Map(leaves.map((leaf) => [leaf.edgeSiteId, leaf]));
    const page = pageOf(sites, query.limit);
    const healthOf = await this.health.healthOf(em, page.data.map(({ id }) => id));
    // A site that is deleted between the queries has no leaf any more.
    return { ...page, data: page.data.flatMap((site) => present(site, leafOf.get(site.id), healthOf.get(site.id))) };
  }

  /** @throws DomainError `not_found` */
  get(caller: Caller, id: string): Promise<SiteInHealth> {
    return this.database.transaction(caller.tenantScope, async (em) => this.inHealth(em, await loadSite(em, caller, id)));
  }

  /** As `get`, for whoever may read leaf servers. @throws DomainError `not_found` */
  leafServer(caller: Caller, id: string): Promise<SiteWithLeaf> {
    return this.database.transaction(caller.tenantScope, (em) => loadSite(em, caller, id, undefined, ['read', 'NatsLeafServer']));
  }

  /**
   * A site, with what its leaf held when it was last asked.
   * @throws DomainError `not_found`
   */
  buffer(caller: Caller, id: string): Promise<MeasuredSite> {
    return this.database.transaction(caller.tenantScope, async (em) => ({ ...(await loadSite(em, caller, id)), buffer: await this.buffers.ofSite(em, id) }));
  }

  /**
   * Changes a site. What the leaf's files hold is made anew, as the next generation; its stream is changed as it runs.
   * @throws DomainError `not_found`, `stale`; `forbidden` for labels with which the caller would not reach it any more; `validation_failed`
   */
  async update(caller: Caller, id: string, changes: SiteChanges, precondition?: Precondition): Promise<SiteInHealth> {
    checkListenerHosts(changes, this.platformHosts.reserved);
    const { changed, applied } = await this.database.transaction(caller.tenantScope, async (em) => {
      const changed = await loadSite(em, caller, id, LockMode.PESSIMISTIC_WRITE, ['update', 'EdgeSite']);
      precondition?.check(changed.site.settingsVersion, 'edge site');
      refuseToShrinkBuffer(changed.leaf, changes);
      const applied = applyChanges(changed, changes);
      // As it is from now on.
      caller.authorize('update', 'EdgeSite', changed.site);
      checkPorts(changed.leaf);
      checkBufferFits(changed.site, changed.leaf);
      changed.site.updatedAt = this.clock.now();
      changed.site.settingsVersion++;
      if (applied.files) this.generations.request(changed.leaf);
      this.record(em, caller, 'edge_site.update', changed.site, { changed: Object.keys(changes), new_generation: applied.files });
      return { changed: await this.inHealth(em, changed), applied };
    });
    if (applied.files) await this.provisioning.add(changed.leaf);
    if (applied.buffer) await this.streams.requestTenant(caller.tenantId);
    return changed;
  }

  /**
   * Deletes a site: its certificates and NATS users are revoked, and the hub drops its leaf. What waits there then never arrives.
   * @param detach whether the packages of the site are let go; otherwise they are in the way
   * @param discard whether messages that wait at the leaf are let go; otherwise they are in the way, and so is not to know of any
   * @throws DomainError `not_found`; `stale`; `site_in_use` with the list of its packages; `site_has_buffered_messages`; `buffer_unknown`
   */
  async delete(caller: Caller, id: string, { detach = false, discard = false, precondition }: SiteDeletion = {}): Promise<void> {
    const deletable = async (em: Em, lockMode?: LockMode.PESSIMISTIC_WRITE) => {
      const found = await loadSite(em, caller, id, lockMode, ['delete', 'EdgeSite']);
      caller.authorize('delete', 'EdgeSite', found.site);
      precondition?.check(found.site.settingsVersion, 'edge site');
      const dependents = await this.dependents.ofSite(em, id);
      if (dependents.length > 0 && !detach) throw inUse(dependents);
      return { ...found, dependents };
    };
    // The leaf is asked without a lock: that takes a second.
    if (!discard) await this.refuseToLose(await this.database.transaction(caller.tenantScope, deletable));
    const accounts = await this.database.transaction(caller.tenantScope, async (em) => {
      const { site, leaf, dependents } = await deletable(em, LockMode.PESSIMISTIC_WRITE);
      const waiting = (await this.buffers.ofSite(em, id))?.waitingMessages ?? null;
      await this.dependents.release(em, caller, id);
      await this.certificates.revokeOfSite(em, caller, id, { reason: 'cessationOfOperation' });
      const accounts = await this.credentials.revokeOfSite(em, caller, id);
      em.remove(leaf);
      await em.flush();
      em.remove(site);
      const detail = { slug: site.slug, detached: dependents.map((one) => one.id), discarded: discard ? waiting : 0 };
      this.record(em, caller, 'edge_site.delete', site, detail);
      return accounts;
    });
    await this.accounts.announce(...accounts);
    await this.streams.requestTenant(caller.tenantId);
  }

  /** What was published at a site before it is deleted is at the hub by then, or somebody said that it need not be. */
  private async refuseToLose({ leaf }: SiteWithLeaf): Promise<void> {
    // Its stream is made when it first connects.
    if (leaf.connectedAt == null) return;
    const { tenantId, edgeSiteId } = leaf;
    const buffer = leaf.linkId == null ? undefined : await this.buffers.measured(tenantId, edgeSiteId);
    if (buffer === undefined) throw bufferUnknown(leaf, await this.buffers.ofSite(this.database.em({ tenantId }), edgeSiteId));
    if (buffer.waitingMessages > 0) throw hasBufferedMessages(buffer);
  }

  /** The first sites of a tenant take turns, so that only one of them gets the first domain. */
  private async freeDomain(em: Em, tenantId: string, slug: string): Promise<string> {
    const isTaken = async () => (await em.count(NatsLeafServer, { jetstreamDomain: FIRST_DOMAIN })) > 0;
    if (await isTaken()) return furtherDomain(slug);
    await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`jetstream domain ${tenantId}`]);
    return (await isTaken()) ? furtherDomain(slug) : FIRST_DOMAIN;
  }

  /** @throws DomainError `not_found` when it is deleted between the queries */
  private async inHealth(em: Em, { site, leaf }: SiteWithLeaf): Promise<SiteInHealth> {
    const health = (await this.health.healthOf(em, [site.id])).get(site.id);
    if (health === undefined) throw noSuchSite();
    return { site, leaf, health };
  }

  private newSite(tenantId: string, slug: string, jetstreamDomain: string, input: NewSite): SiteWithLeaf {
    const now = this.clock.now();
    const site = Object.assign(new EdgeSite(), {
      id: newId(this.clock, this.random),
      tenantId,
      status: 'pending',
      name: input.name,
      slug,
      natsLeafUrl: input.natsLeafUrl,
      labels: input.labels,
      serverSans: input.serverSans,
      ...BUFFER_DEFAULTS,
      ...given(bufferColumns(input.buffer)),
      settingsVersion: 1,
      createdAt: now,
      updatedAt: now,
    });
    const leaf = Object.assign(new NatsLeafServer(), {
      id: newId(this.clock, this.random),
      tenantId,
      edgeSiteId: site.id,
      status: 'pending',
      upstreamUrl: this.hub.leafUpstreamUrl,
      ...LEAF_DEFAULTS,
      ...given(leafSettings(input)),
      jetstreamDomain,
      generation: 1,
      createdAt: now,
      updatedAt: now,
    });
    return { site, leaf };
  }

  private record(em: Em, caller: Caller, action: string, site: EdgeSite, detail: Record<string, unknown>): void {
    this.audit.record(em, caller, { action, subjectType: 'edge_site', subjectId: site.id, detail });
  }
}

const present = (site: EdgeSite, leaf: NatsLeafServer | undefined, health: Health | undefined) =>
  leaf === undefined || health === undefined ? [] : [{ site, leaf, health }];
