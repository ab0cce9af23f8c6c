import { setTimeout as delay } from 'node:timers/promises';
import { LockMode } from '@mikro-orm/postgresql';
import type { NatsConnection } from '@nats-io/transport-node';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { forEachOf } from '#libs/kernel';
import type { Clock } from '#libs/kernel';
import { EdgeSite, SiteBuffer } from '#libs/model';
import { measureBuffer, sourceDelivery, type SourceState } from '#libs/nats';
import { CLOCK } from '../platform/clock.js';
import { Database } from '../platform/database/index.js';
import { retentionOfStream, rowOfMeasure, measureOfRow } from './buffer-row.js';
import type { BufferingSite } from './wanted-streams.js';
import { EventsStream, type LookedAt } from './jetstream-api.js';

/** Leaves of a tenant that are asked at the same time. */
const LEAF_CONCURRENCY = 16;

/** How long a source may be silent, in milliseconds: a leaf that is there is heard each second. */
const SILENCE = 2_500;

/** How often the hub is asked whether it has heard a source, in milliseconds, and how many times at least. */
const HEARD_INTERVAL = 250;
const HEARD_TRIES = 6;

/** What is to be measured: sites of a tenant that are connected. */
export interface Measurement {
  tenantId: string;
  sites: readonly BufferingSite[];
  /** Of somebody who waits for it. */
  requestId?: string;
}

/** A leaf's stream, as it was at a moment (`performance.now()`). */
interface Reading {
  site: BufferingSite;
  stream: LookedAt;
  readAt: number;
}

/** Measures what waits at leaves, and keeps it on record. */
@Injectable()
export class BufferMeter {
  private readonly logger = new Logger(BufferMeter.name);

  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Asks the leaves first and then the hub what it lacks of that. What a source says counts when the hub has heard from the leaf after the leaf
   * was asked: by then it has received all that was there, or knows that it has not.
   *
   * @returns what was measured, by site; without those whose leaf is silent, or has no stream yet, or that are gone
   * @throws DomainError `hub_unreachable` (retryable)
   */
  async measure(connection: NatsConnection, wanted: Measurement): Promise<Map<string, SiteBuffer>> {
    const readings = await this.read(connection, wanted.sites);
    if (readings.length === 0) return new Map();
    const lags = await lagsOf(connection, readings);
    return this.record(wanted, readings, lags);
  }

  private async read(connection: NatsConnection, sites: readonly BufferingSite[]): Promise<Reading[]> {
    const readings: Reading[] = [];
    await forEachOf(sites, LEAF_CONCURRENCY, async (site) => {
      try {
        const stream = await EventsStream.atLeaf(connection, site.jetstreamDomain).look();
        if (stream !== undefined) readings.push({ site, stream, readAt: performance.now() });
      } catch (error) {
        this.logger.debug({ err: error, edgeSiteId: site.edgeSiteId }, 'a leaf was not measured; tried again');
      }
    });
    return readings;
  }

  private record({ tenantId, requestId }: Measurement, readings: readonly Reading[], lags: ReadonlyMap<string, number>): Promise<Map<string, SiteBuffer>> {
    return this.database.transaction({ tenantId }, async (em) => {
      const id = readings.map(({ site }) => site.edgeSiteId);
      // They cannot be deleted meanwhile; in one order, or two workers wait for each other.
      const there = await em.find(EdgeSite, { id }, { fields: ['id'], lockMode: LockMode.PESSIMISTIC_READ, orderBy: { id: 'asc' } });
      const measured = new Map((await em.find(SiteBuffer, { edgeSiteId: id })).map((row) => [row.edgeSiteId, measureOfRow(row)]));
      const readingOf = new Map(readings.map((reading) => [reading.site.edgeSiteId, reading]));
      const measuredAt = this.clock.now();
      const rows = there.map(({ id: edgeSiteId }) => {
        const { site, stream } = readingOf.get(edgeSiteId)!;
        const measure = measureBuffer(stream.state, lags.get(edgeSiteId), measured.get(edgeSiteId));
        const made = { edgeSiteId, tenantId, measuredAt, linkId: site.linkId ?? '', ...rowOfMeasure(measure), ...retentionOfStream(stream.config) };
        // Whoever waits for another one has not seen it yet, perhaps.
        return requestId === undefined ? made : { ...made, requestId };
      });
      if (rows.length === 0) return new Map<string, SiteBuffer>();
      const kept = await em.upsertMany(SiteBuffer, rows);
      return new Map(kept.map((row) => [row.edgeSiteId, row]));
    });
  }
}

/** What the hub lacks of each reading, by site; without those that it does not hear from in time. */
async function lagsOf(connection: NatsConnection, readings: readonly Reading[]): Promise<Map<string, number>> {
  const lags = new Map<string, number>();
  const until = performance.now() + SILENCE;
  // Counted, too: a process that stood still for a while is not to take all leaves for silent.
  for (let tries = 1; ; tries++) {
    const askedAt = performance.now();
    const waiting = readings.filter(({ site }) => !lags.has(site.edgeSiteId));
    const sources = await sourcesOf(connection, new Set(waiting.map(({ site }) => site.hubShard)));
    for (const { site, readAt } of waiting) {
      const source = sources.get(sourceDelivery(site.site));
      if (source?.heardMs === undefined || source.heardMs > askedAt - readAt) continue;
      lags.set(site.edgeSiteId, source.lag);
    }
    if (lags.size === readings.length || (tries >= HEARD_TRIES && askedAt > until)) return lags;
    await delay(HEARD_INTERVAL);
  }
}

/** All sources of these streams of the hub, by where they deliver. */
async function sourcesOf(connection: NatsConnection, shards: ReadonlySet<number | null>): Promise<Map<string, SourceState>> {
  const sources: [string, SourceState][] = [];
  for (const shard of shards) if (shard !== null) sources.push(...((await EventsStream.atHub(connection, shard).look())?.sources ?? []));
  return new Map(sources);
}
