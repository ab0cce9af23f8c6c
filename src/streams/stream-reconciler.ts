import type { NatsConnection } from '@nats-io/transport-node';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { EdgeSite, NatsLeafServer } from '#libs/model';
import { hubStream, leafStream, planStream, rearm, type SourcedSite } from '#libs/nats';
import { TenantConnections } from '../nats/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { EventsStream } from './jetstream-api.js';
import type { StreamsJob } from './streams-queue.js';

/** Of the disk that JetStream has at a leaf, the share that the stream may take: the rest is for its index. */
const STREAM_SHARE = 0.9;

/** Leaves of a tenant that are seen to at the same time. */
const LEAF_CONCURRENCY = 16;

interface Site extends SourcedSite {
  edgeSiteId: string;
  maxFileBytes: number;
  /** Whether it is connected now. */
  isLinked: boolean;
}

/**
 * Makes the streams what they should be: `events` at each leaf, and at the hub the tenant's `events` with a source for each
 * leaf that has ever connected. A deleted site’s source goes; no message does.
 */
@Injectable()
export class StreamReconciler {
  private readonly logger = new Logger(StreamReconciler.name);

  constructor(
    private readonly database: Database,
    private readonly connections: TenantConnections,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Sees to the hub's stream of a tenant and to the leaf that has just connected or, without one, to all that are connected now.
   * @throws DomainError `hub_unreachable` (retryable)
   */
  async reconcile({ tenantId, edgeSiteId }: StreamsJob): Promise<void> {
    const linked = (await this.sitesOf(tenantId)).filter((site) => (edgeSiteId === undefined ? site.isLinked : site.edgeSiteId === edgeSiteId));
    await this.connections.use(tenantId, 'streams', async (connection) => {
      await this.leavesOf(connection, linked, edgeSiteId === undefined);
      await this.database.transaction({ tenantId }, async (em) => {
        // The hub's stream is read, changed and written: one at a time for each tenant. Nobody is waited for under the lock but the hub.
        await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`streams ${tenantId}`]);
        const sites = await connectedSites(em);
        const connected = sites.find((site) => site.edgeSiteId === edgeSiteId);
        await this.hub(new EventsStream(connection), sites, connected);
        this.logger.log({ tenantId, edgeSiteId, sites: sites.length }, 'streams seen to');
      });
    });
  }

  private sitesOf(tenantId: string): Promise<Site[]> {
    return this.database.transaction({ tenantId }, connectedSites);
  }

  /** Several at a time, as one that is silent takes seconds. */
  private async leavesOf(connection: NatsConnection, sites: readonly Site[], goOn: boolean): Promise<void> {
    const waiting = [...sites];
    const worker = async () => {
      for (let site = waiting.shift(); site !== undefined; site = waiting.shift()) await this.leafOf(connection, site, goOn);
    };
    await Promise.all(Array.from({ length: LEAF_CONCURRENCY }, worker));
  }

  /** @param goOn whether one leaf that does not answer keeps the others from being seen to */
  private async leafOf(connection: NatsConnection, site: Site, goOn: boolean): Promise<void> {
    try {
      await this.leaf(new EventsStream(connection, site.jetstreamDomain), site);
    } catch (error) {
      if (!goOn) throw error;
      this.logger.warn({ err: error, edgeSiteId: site.edgeSiteId }, 'the stream of a leaf was not seen to; tried again');
    }
  }

  private async leaf(stream: EventsStream, { maxFileBytes }: Site): Promise<void> {
    const current = await stream.current();
    const retention = { maxAgeMs: 7 * 24 * 60 * 60 * 1000, maxBytes: Math.floor(maxFileBytes * STREAM_SHARE) };
    await stream.carryOut(planStream(leafStream({ clock: this.clock, retention }), current), current);
  }

  private async hub(stream: EventsStream, sites: Site[], connected: Site | undefined): Promise<void> {
    const before = await stream.current();
    if (before === undefined && sites.length === 0) return;
    const plan = planStream(hubStream({ sites }), before);
    const now = await stream.carryOut(plan, before);
    // A source that was just made starts by itself; one that was there takes up to minutes to notice that its leaf is back.
    if (connected === undefined || !hadSource(before, connected)) return;
    const [without, withSource] = rearm(now, connected);
    await stream.update(without);
    await stream.update(withSource);
  }
}

const hadSource = (config: Awaited<ReturnType<EventsStream['current']>>, { site }: SourcedSite): boolean =>
  config?.sources?.some(({ external }) => external?.deliver === `_sync.${site}`) ?? false;

/** Not the certificates and texts of a bundle, which are many times as large. */
const LEAF_FIELDS = ['edgeSiteId', 'jetstreamDomain', 'jetstreamMaxFileBytes', 'linkId'] as const;

async function connectedSites(em: Em): Promise<Site[]> {
  const leaves = await em.find(NatsLeafServer, { connectedAt: { $ne: null } }, { fields: LEAF_FIELDS, orderBy: { id: 'asc' } });
  const sites = await em.find(EdgeSite, { id: leaves.map(({ edgeSiteId }) => edgeSiteId) }, { fields: ['id', 'slug'] });
  const slugOf = new Map(sites.map(({ id, slug }) => [id, slug]));
  return leaves.flatMap(({ edgeSiteId, jetstreamDomain, jetstreamMaxFileBytes: maxFileBytes, linkId }) => {
    const site = slugOf.get(edgeSiteId);
    // A site that is deleted between the two queries is gone.
    return site === undefined ? [] : [{ edgeSiteId, site, jetstreamDomain, maxFileBytes, isLinked: linkId !== null }];
  });
}
