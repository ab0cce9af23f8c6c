import type { NatsConnection } from '@nats-io/transport-node';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import {
  hubRetention,
  hubStream,
  leafStream,
  narrows,
  planStream,
  rearm,
  renamedSource,
  replaceSource,
  sourceDelivery,
  type SourcedSite,
  type StreamConfig,
  type StreamSource,
} from '#libs/nats';
import { TenantConnections } from '../nats/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { BufferMeter } from './buffer-meter.js';
import { EventsStream, isRefusal } from './jetstream-api.js';
import { forEachOf } from './several.js';
import { sequenceAskedFor } from './source-requests.js';
import type { StreamsJob } from './streams-queue.js';
import { type BufferingSite, differ, type WantedStreams, wantedStreams } from './wanted-streams.js';

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
 * Makes the streams what they should be: `events` at each leaf, and at the hub the tenant's `events` with a source for each
 * leaf that has ever connected. A deleted site’s source goes; no message does that the hub has not got.
 */
@Injectable()
export class StreamReconciler {
  private readonly logger = new Logger(StreamReconciler.name);

  constructor(
    private readonly database: Database,
    private readonly connections: TenantConnections,
    private readonly meter: BufferMeter,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Sees to the hub's stream of a tenant and to the leaf that has just connected or, without one, to all that are connected now.
   * @throws DomainError `hub_unreachable` (retryable)
   */
  async reconcile({ tenantId, edgeSiteId }: StreamsJob): Promise<void> {
    const wanted = await this.database.transaction({ tenantId }, wantedStreams);
    const seenTo = wanted.sites.filter((site) => (edgeSiteId === undefined ? site.linkId !== null : site.edgeSiteId === edgeSiteId));
    const isOutdated = await this.connections.use(tenantId, 'streams', async (connection) => {
      const hub = new EventsStream(connection);
      await this.widenHub(tenantId, hub, wanted.sites);
      const work = { connection, tenantId, subjects: wanted.subjects, isConnect: edgeSiteId !== undefined };
      await forEachOf(seenTo, LEAF_CONCURRENCY, (site) => this.leafOf(work, site));
      return this.oneAtATime(tenantId, async (em) => {
        const now = await wantedStreams(em);
        await this.hub(connection, now, now.sites.find((site) => site.edgeSiteId === edgeSiteId));
        this.logger.log({ tenantId, edgeSiteId, sites: now.sites.length }, 'streams seen to');
        return differ({ ...wanted, sites: seenTo }, now);
      });
    });
    // What was wanted has changed meanwhile, and whoever sees to that may have come to a leaf before this did.
    if (isOutdated) await this.reconcile({ tenantId });
  }

  /** The hub's stream is read, changed and written: by one at a time for each tenant, who waits for nobody meanwhile but the hub and a leaf that has just connected. */
  private oneAtATime<T>(tenantId: string, work: (em: Em) => Promise<T>): Promise<T> {
    return this.database.transaction({ tenantId }, async (em) => {
      await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`streams ${tenantId}`]);
      return work(em);
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
    const stream = new EventsStream(work.connection, site.jetstreamDomain);
    const current = await stream.current();
    const desired = leafStream({ clock: this.clock, subjects: work.subjects, retention: site.retention });
    const mayNarrow = current !== undefined && narrows(desired, current) && (await this.isDrained(work, site));
    const plan = planStream(desired, current, { mayNarrow });
    // One that refuses new messages removes none for a lower limit, and would refuse all from then on.
    if (mayNarrow && plan.kind === 'update') await stream.update({ ...plan.config, discard: 'old' });
    const made = await stream.carryOut(plan, current);
    // Its first sequence is to go, now that it has it.
    if (plan.kind === 'create') await stream.carryOut(planStream(desired, made), made);
  }

  /** Whether the hub has all that a leaf holds. One that has just connected waits for its source, and is asked the next time. */
  private async isDrained({ connection, tenantId, isConnect }: LeafWork, site: BufferingSite): Promise<boolean> {
    if (isConnect) return false;
    const measured = await this.meter.measure(connection, { tenantId, sites: [site] });
    return measured.get(site.edgeSiteId)?.waitingMessages === 0;
  }

  private async hub(connection: NatsConnection, { sites, subjects }: WantedStreams, connected: BufferingSite | undefined): Promise<void> {
    const stream = new EventsStream(connection);
    const before = await stream.current();
    if (before === undefined && sites.length === 0) return;
    const plan = planStream(hubStream({ sites, subjects, retention: hubRetention(sites.map(({ retention }) => retention)) }), before);
    const now = await stream.carryOut(plan, before);
    // A source that was just made starts by itself; one that was there takes up to minutes to notice that its leaf is back.
    if (connected === undefined || sourceOf(before, connected) === undefined) return;
    const replace = async ([without, withSource]: ReturnType<typeof rearm>) => {
      await stream.update(without);
      return stream.update(withSource);
    };
    let armed = now;
    const asked = await sequenceAskedFor(connection, connected, async () => (armed = await replace(rearm(now, connected))));
    const last = (await new EventsStream(connection, connected.jetstreamDomain).look())?.state.lastSequence;
    if (asked === undefined || last === undefined || asked <= last + 1) return;
    const { edgeSiteId } = connected;
    this.logger.warn({ edgeSiteId, asked, last }, 'a leaf was rolled back: the hub takes all that it holds, and has some of it twice');
    await replace(replaceSource(armed, renamedSource(sourceOf(armed, connected)!)));
  }
}

const sourceOf = (config: StreamConfig | undefined, { site }: SourcedSite): StreamSource | undefined =>
  config?.sources?.find(({ external }) => external?.deliver === sourceDelivery(site));
