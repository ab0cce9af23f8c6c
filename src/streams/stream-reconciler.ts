import type { NatsConnection } from '@nats-io/transport-node';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { forEachOf } from '#libs/kernel';
import type { Clock } from '#libs/kernel';
import { leafStream, narrows, planStream } from '#libs/nats';
import { TenantConnections } from '../nats/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database } from '../platform/database/index.js';
import { BufferMeter } from './buffer-meter.js';
import { HubStreams } from './hub-streams.js';
import { EventsStream, isRefusal } from './jetstream-api.js';
import { Streams, type StreamsJob } from './streams-queue.js';
import { type BufferingSite, differ, wantedStreams } from './wanted-streams.js';

/** Leaves of a tenant that are seen to at the same time, as one that is silent takes seconds. */
const LEAF_CONCURRENCY = 16;

/** Seeing to leaves of a tenant, all that are connected or one that has just connected. */
interface LeafWork {
  connection: NatsConnection;
  tenantId: string;
  /** What the leaves are to store. */
  subjects: readonly string[];
  isConnect: boolean;
}

/**
 * Makes the streams what they should be: `events` at each leaf, and at the hub the tenant's `events` and its shards with a source for each
 * leaf that has ever connected. A deleted site’s source goes; no message does that the hub has not got.
 */
@Injectable()
export class StreamReconciler {
  private readonly logger = new Logger(StreamReconciler.name);

  constructor(
    private readonly database: Database,
    private readonly connections: TenantConnections,
    private readonly meter: BufferMeter,
    private readonly hub: HubStreams,
    private readonly streams: Streams,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Sees to the leaf that has just connected or, without one, to all that are connected now, and to the tenant's streams at the hub.
   * @throws DomainError `hub_unreachable` (retryable)
   */
  async reconcile({ tenantId, edgeSiteId }: StreamsJob): Promise<void> {
    const wanted = await this.database.transaction({ tenantId }, wantedStreams);
    const seenTo = wanted.sites.filter((site) => (edgeSiteId === undefined ? site.linkId !== null : site.edgeSiteId === edgeSiteId));
    await this.connections.use(tenantId, 'streams', async (connection) => {
      await this.hub.widen(connection, tenantId, wanted.sites);
      const work = { connection, tenantId, subjects: wanted.subjects, isConnect: edgeSiteId !== undefined };
      await forEachOf(seenTo, LEAF_CONCURRENCY, (site) => this.leafOf(work, site));
    });
    const now = await this.hub.seeTo(tenantId, edgeSiteId);
    const resting = now.sites.find((site) => site.edgeSiteId === edgeSiteId)?.resting;
    if (resting?.until != null) await this.streams.requestRested(tenantId, resting.until, this.clock.now());
    // What was wanted has changed meanwhile, and whoever sees to that may have come to a leaf before this did.
    if (differ({ ...wanted, sites: seenTo }, now)) await this.reconcile({ tenantId });
  }

  /**
   * Has the hub source again what has rested for long enough. No leaf has connected: a source that is back already is left alone.
   * @throws DomainError `hub_unreachable` (retryable)
   */
  async putBack(tenantId: string): Promise<void> {
    await this.hub.seeTo(tenantId);
  }

  /** Of many leaves, one that does not answer keeps no other from being seen to. */
  private async leafOf(work: LeafWork, site: BufferingSite): Promise<void> {
    try {
      await this.leaf(work, site);
    } catch (error) {
      // One that refuses, as it has not got the disk yet that its next generation brings, is not to wait for its source.
      if (work.isConnect && !isRefusal(error)) throw error;
      this.logger.warn({ err: error, edgeSiteId: site.edgeSiteId }, 'the stream of a leaf was not seen to; tried again');
    }
  }

  private async leaf(work: LeafWork, site: BufferingSite): Promise<void> {
    const stream = EventsStream.atLeaf(work.connection, site.jetstreamDomain);
    const current = await stream.current();
    const desired = leafStream({ clock: this.clock, subjects: work.subjects, retention: site.retention });
    const mayNarrow = current !== undefined && narrows(desired, current) && (await this.isDrained(work, site));
    const plan = planStream(desired, current, { mayNarrow });
    // One that refuses new messages removes none for a lower limit, and would refuse all from then on.
    if (mayNarrow && plan.kind === 'update') await stream.update({ ...plan.config, discard: 'old' });
    await stream.carryOut(plan, current);
  }

  /** Whether the hub has all that a leaf holds. One that has just connected waits for its source, and is asked the next time. */
  private async isDrained({ connection, tenantId, isConnect }: LeafWork, site: BufferingSite): Promise<boolean> {
    if (isConnect) return false;
    const measured = await this.meter.measure(connection, { tenantId, sites: [site] });
    return measured.get(site.edgeSiteId)?.waitingMessages === 0;
  }
}
