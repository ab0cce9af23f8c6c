import { LockMode, UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { EdgeSite, NatsLeafServer } from '#libs/model';
import { parseHostPort } from '#libs/nats';
import { AccountService, CredentialService, HubAddress, PlatformHosts } from '../nats/index.js';
import { CertificateService } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { slugOf } from '../platform/validation/index.js';
import { Streams } from '../streams/index.js';
import { FIRST_DOMAIN, furtherDomain, HUB_DOMAIN, LEAF_DEFAULTS, RESERVED_SITE_SLUGS } from './leaf-defaults.js';
import { LeafGenerations } from './leaf-generations.service.js';
import { checkListenerHosts } from './listener-hosts.js';
import { ProvisioningQueue } from './provisioning-queue.js';
import { type SiteFilter, siteCondition } from './site-list.js';
import { type Dependent, SiteDependents } from './site-dependents.js';
import { loadSite, type SiteWithLeaf } from './site-with-leaf.js';

export interface LeafSettings {
  localListen?: string;
  monitorPort?: number;
  jetstreamMaxMemoryBytes?: number;
  jetstreamMaxFileBytes?: number;
  jetstreamSyncAlways?: boolean;
}

export interface NewSite extends LeafSettings {
  name: string;
  slug?: string;
  natsLeafUrl: string | null;
  labels: Record<string, string>;
  serverSans: string[];
  jetstreamDomain?: string;
}

export interface SiteChanges extends LeafSettings {
  name?: string;
  natsLeafUrl?: string | null;
  labels?: Record<string, string>;
  serverSans?: string[];
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
    private readonly hub: HubAddress,
    private readonly platformHosts: PlatformHosts,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Creates a site and its leaf, which a worker then provisions.
   * @throws DomainError `slug_taken`, `jetstream_domain_taken`, `validation_failed`
   */
  async create(caller: Caller, input: NewSite): Promise<SiteWithLeaf> {
    const slug = slugOf(input);
    if (RESERVED_SITE_SLUGS.has(slug)) throw invalid('/slug', 'reserved', `The slug "${slug}" is reserved. Choose another.`);
    if (input.jetstreamDomain === HUB_DOMAIN) throw invalid('/jetstream_domain', 'reserved', 'The domain "hub" is the hub’s own.');
    checkListenerHosts(input, this.platformHosts.reserved);
    const created = await this.database
      .transaction(caller.tenantScope, async (em) => {
        const jetstreamDomain = input.jetstreamDomain ?? (await this.freeDomain(em, caller.tenantId, slug));
        const made = this.newSite(caller.tenantId, slug, jetstreamDomain, input);
        checkPorts(made.leaf);
        em.persist(made.site);
        await em.flush();
        em.persist(made.leaf);
        this.record(em, caller, 'edge_site.create', made.site, { slug, jetstream_domain: jetstreamDomain });
        return made;
      })
      .catch((error: unknown) => {
        throw explainConflict(error, slug, input.jetstreamDomain);
      });
    await this.provisioning.add(created.leaf);
    return created;
  }

  async list(caller: Caller, query: PageQuery & SiteFilter): Promise<Page<SiteWithLeaf>> {
    const where = { $and: [caller.readable('EdgeSite'), siteCondition(query), after(query)] } as Where<EdgeSite>;
    const em = this.database.em(caller.tenantScope);
    const sites = await em.find(EdgeSite, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    const leaves = await em.find(NatsLeafServer, { edgeSiteId: sites.map(({ id }) => id) });
    const leafOf = new Map(leaves.map((leaf) => [leaf.edgeSiteId, leaf]));
    const page = pageOf(sites, query.limit);
    // A site that is deleted between the two queries has no leaf any more.
    return { ...page, data: page.data.flatMap((site) => present(site, leafOf.get(site.id))) };
  }

  /** @throws DomainError `not_found` */
  get(caller: Caller, id: string): Promise<SiteWithLeaf> {
    return this.database.transaction(caller.tenantScope, (em) => loadSite(em, caller, id));
  }

  /** Changes a site. What the leaf's files hold is made anew, as the next generation. */
  async update(caller: Caller, id: string, changes: SiteChanges): Promise<SiteWithLeaf> {
    checkListenerHosts(changes, this.platformHosts.reserved);
    const { changed, renewed } = await this.database.transaction(caller.tenantScope, async (em) => {
      const changed = await loadSite(em, caller, id, LockMode.PESSIMISTIC_WRITE);
      caller.authorize('update', 'EdgeSite', changed.site);
      refuseToShrinkBuffer(changed.leaf, changes);
      const renewed = applyChanges(changed, changes);
      checkPorts(changed.leaf);
      changed.site.updatedAt = this.clock.now();
      if (renewed) this.generations.request(changed.leaf);
      this.record(em, caller, 'edge_site.update', changed.site, { changed: Object.keys(changes), new_generation: renewed });
      return { changed, renewed };
    });
    if (renewed) await this.provisioning.add(changed.leaf);
    return changed;
  }

  /**
   * Deletes a site: its certificates and NATS users are revoked, and the hub drops its leaf.
   * @param detach whether the packages of the site are let go; otherwise they are in the way
   * @throws DomainError `not_found`; `site_in_use` with the list of its packages
   */
  async delete(caller: Caller, id: string, { detach = false }: { detach?: boolean } = {}): Promise<void> {
    const accounts = await this.database.transaction(caller.tenantScope, async (em) => {
      const { site, leaf } = await loadSite(em, caller, id, LockMode.PESSIMISTIC_WRITE);
      caller.authorize('delete', 'EdgeSite', site);
      const dependents = await this.dependents.ofSite(em, id);
      if (dependents.length > 0 && !detach) throw inUse(dependents);
      await this.dependents.release(em, caller, id);
      await this.certificates.revokeOfSite(em, caller, id, { reason: 'cessationOfOperation' });
      const accounts = await this.credentials.revokeOfSite(em, caller, id);
      em.remove(leaf);
      await em.flush();
      em.remove(site);
      this.record(em, caller, 'edge_site.delete', site, { slug: site.slug, detached: dependents.map((one) => one.id) });
      return accounts;
    });
    await this.accounts.announce(...accounts);
    await this.streams.requestTenant(caller.tenantId);
  }

  /** The first sites of a tenant take turns, so that only one of them gets the first domain. */
  private async freeDomain(em: Em, tenantId: string, slug: string): Promise<string> {
    const isTaken = async () => (await em.count(NatsLeafServer, { jetstreamDomain: FIRST_DOMAIN })) > 0;
    if (await isTaken()) return furtherDomain(slug);
    await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`jetstream domain ${tenantId}`]);
    return (await isTaken()) ? furtherDomain(slug) : FIRST_DOMAIN;
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

/** @returns whether anything changed that stands in the leaf's certificates or configuration */
function applyChanges({ site, leaf }: SiteWithLeaf, changes: SiteChanges): boolean {
  const before = JSON.stringify([site.natsLeafUrl, site.serverSans, leafSettings(leaf)]);
  const { name, natsLeafUrl, labels, serverSans } = changes;
  Object.assign(site, given({ name, natsLeafUrl, labels, serverSans }));
  Object.assign(leaf, given(leafSettings(changes)));
  return before !== JSON.stringify([site.natsLeafUrl, site.serverSans, leafSettings(leaf)]);
}

const leafSettings = (from: LeafSettings): LeafSettings => ({
  localListen: from.localListen,
  monitorPort: from.monitorPort,
  jetstreamMaxMemoryBytes: from.jetstreamMaxMemoryBytes,
  jetstreamMaxFileBytes: from.jetstreamMaxFileBytes,
  jetstreamSyncAlways: from.jetstreamSyncAlways,
});

/** Without what was not given. */
const given = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;

const present = (site: EdgeSite, leaf: NatsLeafServer | undefined) => (leaf === undefined ? [] : [{ site, leaf }]);

function invalid(pointer: string, code: string, detail: string): DomainError {
  return new DomainError('validation_failed', detail, { errors: [{ pointer, code, detail }] });
}

/** A leaf that has less disk than its stream was made with drops the stream at its next start, with all that it buffers (2.10). */
function refuseToShrinkBuffer(leaf: NatsLeafServer, { jetstreamMaxFileBytes: asked }: SiteChanges): void {
  if (asked === undefined || asked >= leaf.jetstreamMaxFileBytes || !leaf.connectedAt) return;
  const detail = `The leaf has buffered with ${leaf.jetstreamMaxFileBytes} bytes of disk. Less could lose what it holds: give it as much, or more.`;
  throw invalid('/jetstream_max_file_bytes', 'lowered', detail);
}

/** A list that a page can show; more than that nobody reads. */
const SHOWN = 100;

function inUse(dependents: readonly Dependent[]): DomainError {
  const detail =
    `The site has ${dependents.length} packages. Revoke them first, or delete it with ?collectors=detach: ` +
    'its collectors then fall back to the hub, and its onboarding packages are revoked.';
  const errors = dependents.slice(0, SHOWN).map(({ kind, id, name }) => ({ pointer: '', code: kind, detail: `${name} (${id})` }));
  return new DomainError('site_in_use', detail, { errors });
}

function checkPorts({ localListen, monitorPort }: NatsLeafServer): void {
  if (parseHostPort(localListen).port !== monitorPort) return;
  throw invalid('/monitor_port', 'port_taken', `The leaf listens for collectors on port ${monitorPort} already. Choose another monitor_port.`);
}

/** Uniqueness is the database's to decide; here it is put into words. */
function explainConflict(error: unknown, slug: string, domain: string | undefined): unknown {
  if (!(error instanceof UniqueConstraintViolationException)) return error;
  return error.message.includes('nats_leaf_servers_domain_unique')
    ? new DomainError(
        'jetstream_domain_taken',
        `Another site of the tenant has the JetStream domain ${domain === undefined ? `edge-${slug}` : `"${domain}"`}. Choose another jetstream_domain.`,
      )
    : new DomainError('slug_taken', `A site with the slug "${slug}" exists already. Choose another slug.`);
}
