import type { NatsConnection } from '@nats-io/transport-node';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Batches, type Clock, DomainError, forEachOf, Turns } from '#libs/kernel';
import {
  hubRetention,
  hubStream,
  hubStreamSubjects,
  isResting,
  planStream,
  rearm,
  renamedSource,
  replaceSources,
  type RestingSource,
  type Retention,
  shardSource,
  shardStream,
  siteSource,
  SOURCE_REST,
  standingSource,
  type StreamConfig,
  type StreamSource,
} from '#libs/nats';
import { TenantConnections } from '../nats/index.js';
import { CLOCK } from '../platform/clock.js';
import { Config } from '../platform/config/index.js';
import { Database, type Em } from '../platform/database/index.js';
import { giveShards, lackShard, shardsOfSites, shardsOfStream } from './hub-shards.js';
import { EventsStream } from './jetstream-api.js';
import { layToRest, recordRest } from './resting-sources.js';
import { sequencesAskedFor } from './source-requests.js';
import { Streams } from './streams-queue.js';
import { type BufferingSite, type WantedStreams, wantedStreams } from './wanted-streams.js';

/** Leaves that have just connected, in one update at most. */
const BATCH = 500;

/** Leaves that are asked at the same time what they hold. */
const LEAF_CONCURRENCY = 16;

/** Tenants that are seen to at the same time: each takes a connection to the database while the hub is asked. */
const TENANT_CONCURRENCY = 4;

/** Sites that the hub is to source now, and those of them whose leaves have just come back, or whose sources are put back. */
interface Sourced {
  sourced: readonly BufferingSite[];
  returned: readonly BufferingSite[];
}

/** What was wanted when the hub's streams were seen to. */
interface SeenTo {
  wanted: WantedStreams;
  /** Sites whose sources were put back, and whose leaves the hub has not asked in time: whether those were rolled back is not known. */
  unheard: ReadonlySet<string>;
}

/** What one of the hub's streams is to source at once: sites, and shards. */
interface Back {
  sites: readonly BufferingSite[];
  shards?: readonly number[];
}

/** A stream of a tenant at the hub, as it is. */
interface Found {
  stream: EventsStream;
  before: StreamConfig | undefined;
}

/**
 * A tenant's streams at the hub: `events`, which is read, and its shards, each with the sources of so many sites, which `events` sources in turn.
 * They are read, changed and written by one at a time for each tenant. Who comes meanwhile waits for the next run, with all others.
 */
@Injectable()
export class HubStreams {
  private readonly logger = new Logger(HubStreams.name);
  private readonly turns = new Turns(TENANT_CONCURRENCY);
  readonly #runs = new Batches<string | undefined, WantedStreams>(BATCH, async (tenantId, connected) => {
    const { wanted, unheard } = await this.turns.take(() => this.run(tenantId, new Set(connected)));
    if (unheard.size > 0) this.logger.warn({ tenantId, sites: unheard.size }, 'the hub has not asked leaves for their messages in time; they are seen to again');
    // Those that did not connect just now are seen to as if they had.
    await this.streams.request(tenantId, [...unheard].filter((id) => !connected.includes(id)));
    return connected.map((id) => (id !== undefined && unheard.has(id) ? { error: notAsked(id) } : { result: wanted }));
  });

  constructor(
    private readonly database: Database,
    private readonly connections: TenantConnections,
    private readonly config: Config,
    private readonly streams: Streams,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Makes them what they should be now, and the sources of a site that has just connected start at once.
   * @returns what was wanted then
   * @throws DomainError `hub_unreachable` (retryable), also when the hub has not asked the leaf that has connected for its messages in time
   */
  seeTo(tenantId: string, connectedSiteId?: string): Promise<WantedStreams> {
    return this.#runs.add(tenantId, connectedSiteId);
  }

  /**
   * Before any leaf: one that keeps messages for longer than the hub brings again, after a restart, what has aged out only there. And `events`
   * before its shards, for the same reason.
   */
  async widen(connection: NatsConnection, tenantId: string, sites: readonly BufferingSite[]): Promise<void> {
    const retention = hubRetention(sites.map(({ retention }) => retention));
    if (retention.maxAgeMs === hubRetention([]).maxAgeMs) return;
    const isNarrow = async (stream: EventsStream) => {
      const current = await stream.current();
      return current !== undefined && planStream(widened(current, retention), current).kind !== 'none';
    };
    const shards = [0, ...shardsOfSites(sites)];
    const narrow = await Promise.all(shards.map((shard) => isNarrow(EventsStream.atHub(connection, shard))));
    if (!narrow.includes(true)) return;
    await this.oneAtATime(tenantId, async () => {
      for (const shard of shards) {
        const stream = EventsStream.atHub(connection, shard);
        const current = await stream.current();
        if (current !== undefined) await stream.carryOut(planStream(widened(current, retention), current), current);
      }
    });
  }

  private async run(tenantId: string, connected: ReadonlySet<string | undefined>): Promise<SeenTo> {
    // On record before the hub has a source: whoever tries again must not choose another shard.
    if (await lackShard(this.database.em({ tenantId }))) await this.oneAtATime(tenantId, (em) => giveShards(em, this.config.sitesPerStream));
    return this.connections.use(tenantId, 'streams', async (connection) => {
      // In a sweep, none has.
      if ([...connected].some((id) => id !== undefined)) await this.oneAtATime(tenantId, (em) => layToRest(em, connection, connected));
      return this.oneAtATime(tenantId, async (em) => {
        const wanted = await wantedStreams(em);
        const now = this.clock.now();
        const sourced = wanted.sites.filter(({ resting, linkId }) => !isResting(resting, { isLinked: linkId !== null, now }));
        const returned = sourced.filter(({ edgeSiteId, resting }) => connected.has(edgeSiteId) || resting !== null);
        const unheard = await this.bring(connection, wanted, { sourced, returned });
        await this.keepResting(em, connection, wanted.sites, new Set(sourced));
        this.logger.log({ tenantId, sites: wanted.sites.length, connected: returned.length, resting: wanted.sites.length - sourced.length }, 'streams seen to');
        return { wanted, unheard: new Set(unheard.map((site) => site.edgeSiteId)) };
      });
    });
  }

  /** @returns sites whose leaves the hub has not asked in time */
  private async bring(connection: NatsConnection, { sites, subjects }: WantedStreams, { sourced, returned }: Sourced): Promise<BufferingSite[]> {
    const find = async (shard: number): Promise<Found> => {
      const stream = EventsStream.atHub(connection, shard);
      return { stream, before: await stream.current() };
    };
    const events = await find(0);
    if (events.before === undefined && sites.length === 0) return [];
    // One whose sites are all gone stays: it may hold what `events` has not got yet.
    const shards = [...new Set([...shardsOfSites(sites), ...shardsOfStream(events.before)])];
    const found = new Map<number, Found>();
    for (const shard of shards) found.set(shard, await find(shard));

    const retention = hubRetention(sites.map((site) => site.retention));
    const of = (shard: number) => ({ sites: sourced.filter((site) => site.hubShard === shard), retention });
    const returnedTo = (shard: number) => returned.filter((site) => site.hubShard === shard);
    const unheard: BufferingSite[] = [];
    const bringOne = async (stream: Found, desired: StreamConfig, back: Back) => unheard.push(...(await this.bringOne(connection, stream, desired, back)));
    const bringShard = (shard: number) => bringOne(found.get(shard)!, shardStream({ ...of(shard), clock: this.clock, shard }), { sites: returnedTo(shard) });

    // What `events` sources has to be there, and what is there must not keep messages for longer than `events`.
    const missing = shards.filter((shard) => found.get(shard)!.before === undefined);
    for (const shard of missing) await bringShard(shard);
    const desired = hubStream({ ...of(0), subjects: hubStreamSubjects(subjects), shards });
    await bringOne(events, desired, { sites: returnedTo(0), shards: missing });
    for (const shard of shards) if (!missing.includes(shard)) await bringShard(shard);
    return unheard;
  }

  /**
   * Makes one of them what it should be, and has sources start at once that would take up to minutes to notice that what they source is back;
   * one that is just made, or put back, starts by itself. What a leaf holds that was rolled back is taken again, as the hub would wait in vain
   * for it to come as far as it was.
   * @returns those of `back` that it has not asked in time
   */
  private async bringOne(connection: NatsConnection, { stream, before }: Found, desired: StreamConfig, back: Back): Promise<BufferingSite[]> {
    const isThere = (source: StreamSource) => standingSource(before, source) !== undefined;
    const known = back.sites.filter((site) => site.resting !== null || isThere(siteSource(site)));
    const standing = [...known.map(siteSource), ...(back.shards ?? []).map(shardSource)].filter(isThere);
    let armed = desired;
    const asked = await sequencesAskedFor(connection, known, async () => {
      armed = await stream.carryOut(planStream(desired, before), before);
      if (standing.length > 0) armed = await replace(stream, rearm(armed, standing));
    });
    const rolledBack = await this.rolledBack(connection, asked);
    if (rolledBack.length > 0) await replace(stream, replaceSources(armed, rolledBack.map((site) => renamedSource(standingSource(armed, siteSource(site))!))));
    return known.filter((site) => !asked.has(site));
  }

  /** Those that have just been taken out are to stay out for a while, and those that were put back are done with it. */
  private async keepResting(em: Em, connection: NatsConnection, sites: readonly BufferingSite[], sourced: ReadonlySet<BufferingSite>): Promise<void> {
    const until = new Date(this.clock.now().getTime() + SOURCE_REST);
    const justOut = new Map<BufferingSite, RestingSource>();
    await forEachOf(sites.filter((site) => site.resting?.until === null && !sourced.has(site)), LEAF_CONCURRENCY, async (site) => {
      justOut.set(site, { ...site.resting!, until, lastSequence: await this.lastAtLeaf(connection, site) });
    });
    // In their order, as whoever else takes several of them does.
    for (const site of sites) {
      const rest = justOut.get(site);
      if (rest !== undefined) await recordRest(em, site, rest);
      else if (sourced.has(site) && site.resting !== null) await recordRest(em, site, null);
    }
  }

  /** The last sequence of what a leaf has stored; undefined when it does not say. */
  private async lastAtLeaf(connection: NatsConnection, site: BufferingSite): Promise<number | undefined> {
    if (site.linkId === null) return undefined;
    try {
      return (await EventsStream.atLeaf(connection, site.jetstreamDomain).look())?.state.lastSequence;
    } catch (error) {
      this.logger.warn({ err: error, edgeSiteId: site.edgeSiteId }, 'a leaf did not say what it has stored; asked again when its source is put back');
      return undefined;
    }
  }

  /** @param asked the sequence that the hub asks each leaf for */
  private async rolledBack(connection: NatsConnection, asked: ReadonlyMap<BufferingSite, number>): Promise<BufferingSite[]> {
    const found: BufferingSite[] = [];
    await forEachOf([...asked], LEAF_CONCURRENCY, async ([site, sequence]) => {
      const now = (await EventsStream.atLeaf(connection, site.jetstreamDomain).look())?.state.lastSequence;
      if (now === undefined) return;
      const last = Math.min(now, site.resting?.lastSequence ?? now);
      if (sequence <= last + 1) return;
      this.logger.warn({ edgeSiteId: site.edgeSiteId, asked: sequence, last }, 'a leaf was rolled back: the hub takes all that it holds, and has some of it twice');
      found.push(site);
    });
    return found;
  }

  /** By one at a time for each tenant, who waits for nobody meanwhile but the hub, and leaves that have just connected. */
  private oneAtATime<T>(tenantId: string, work: (em: Em) => Promise<T>): Promise<T> {
    return this.database.transaction({ tenantId }, async (em) => {
      await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`streams ${tenantId}`]);
      return work(em);
    });
  }
}

const notAsked = (edgeSiteId: string) =>
  new DomainError('hub_unreachable', 'The hub has not asked a leaf for its messages in time.', { context: { edgeSiteId }, retryable: true });

const widened = (current: StreamConfig, { maxAgeMs }: Retention): StreamConfig => ({
  ...current,
  max_age: hubStream({ sites: [], retention: { maxAgeMs, maxBytes: -1 } }).max_age,
});

async function replace(stream: EventsStream, [without, withSources]: ReturnType<typeof rearm>): Promise<StreamConfig> {
  await stream.update(without);
  return stream.update(withSources);
}
