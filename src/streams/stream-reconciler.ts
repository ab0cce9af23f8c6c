import type { NatsConnection } from '@nats-io/transport-node';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { hubRetention, hubStream, leafStream, planStream, rearm, sourceDelivery, type SourcedSite, type StreamConfig } from '#libs/nats';
import { TenantConnections } from '../nats/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { type BufferingSite, bufferingSites } from './buffering-site.js';
import { EventsStream, isRefusal } from './jetstream-api.js';
import { forEachOf } from './several.js';
import type { StreamsJob } from './streams-queue.js';

/** Leaves of a tenant that are seen to at the same time. */
const LEAF_CONCURRENCY = 16;

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
    const sites = await this.database.transaction({ tenantId }, bufferingSites);
    const seenTo = sites.filter((site) => (edgeSiteId === undefined ? site.linkId !== null : site.edgeSiteId === edgeSiteId));
    await this.connections.use(tenantId, 'streams', async (connection) => {
      const hub = new EventsStream(connection);
      await this.widenHub(tenantId, hub, sites);
      await this.leavesOf(connection, seenTo, edgeSiteId === undefined);
      await this.oneAtATime(tenantId, async (em) => {
        const sites = await bufferingSites(em);
        await this.hub(hub, sites, sites.find((site) => site.edgeSiteId === edgeSiteId));
        this.logger.log({ tenantId, edgeSiteId, sites: sites.length }, 'streams seen to');
      });
    });
  }

  /** The hub's stream is read, changed and written: by one at a time for each tenant, who waits for nobody but the hub meanwhile. */
  private oneAtATime(tenantId: string, work: (em: Em) => Promise<void>): Promise<void> {
    return this.database.transaction({ tenantId }, async (em) => {
      await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`streams ${tenantId}`]);
      await work(em);
    });
  }

  /** Before any leaf: one that keeps messages for longer than the hub brings again, after a restart, what has aged out only there. */
  private async widenHub(tenantId: string, stream: EventsStream, sites: readonly BufferingSite[]): Promise<void> {
    const { maxAgeMs } = hubRetention(sites.map(({ retention }) => retention));
    if (maxAgeMs === hubRetention([]).maxAgeMs) return;
    await this.oneAtATime(tenantId, async () => {
      const current = await stream.current();
      if (current === undefined) return;
      const widened = { ...current, max_age: hubStream({ sites: [], retention: { maxAgeMs, maxBytes: -1 } }).max_age };
      await stream.carryOut(planStream(widened, current), current);
    });
  }

  /** Several at a time, as one that is silent takes seconds. */
  private async leavesOf(connection: NatsConnection, sites: readonly BufferingSite[], goOn: boolean): Promise<void> {
    await forEachOf(sites, LEAF_CONCURRENCY, (site) => this.leafOf(connection, site, goOn));
  }

  /** @param goOn whether one leaf that does not answer keeps the others from being seen to */
  private async leafOf(connection: NatsConnection, site: BufferingSite, goOn: boolean): Promise<void> {
    try {
      await this.leaf(new EventsStream(connection, site.jetstreamDomain), site);
    } catch (error) {
      // One that refuses, as it has not got the disk yet that its next generation brings, is not to wait for its source.
      if (!goOn && !isRefusal(error)) throw error;
      this.logger.warn({ err: error, edgeSiteId: site.edgeSiteId }, 'the stream of a leaf was not seen to; tried again');
    }
  }

  private async leaf(stream: EventsStream, { retention }: BufferingSite): Promise<void> {
    const current = await stream.current();
    await stream.carryOut(planStream(leafStream({ clock: this.clock, retention }), current), current);
  }

  private async hub(stream: EventsStream, sites: BufferingSite[], connected: BufferingSite | undefined): Promise<void> {
    const before = await stream.current();
    if (before === undefined && sites.length === 0) return;
    const plan = planStream(hubStream({ sites, retention: hubRetention(sites.map(({ retention }) => retention)) }), before);
    const now = await stream.carryOut(plan, before);
    // A source that was just made starts by itself; one that was there takes up to minutes to notice that its leaf is back.
    if (connected === undefined || !hadSource(before, connected)) return;
    const [without, withSource] = rearm(now, connected);
    await stream.update(without);
    await stream.update(withSource);
  }
}

const hadSource = (config: StreamConfig | undefined, { site }: SourcedSite): boolean =>
  config?.sources?.some(({ external }) => external?.deliver === sourceDelivery(site)) ?? false;
