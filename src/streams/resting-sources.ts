import type { NatsConnection } from '@nats-io/transport-node';
import { NatsLeafServer } from '#libs/model';
import { hasToRest, type RestingSource, siteSource, standingSource, type StreamConfig } from '#libs/nats';
import type { Em } from '../platform/database/index.js';
import { EventsStream } from './jetstream-api.js';
import { type BufferingSite, bufferingSites } from './wanted-streams.js';

/**
 * Puts on record which sources of leaves that have just connected are to be taken out for a while, before any is: whoever goes on after a crash
 * must not put one back at once.
 * @param connected ids of the sites
 */
export async function layToRest(em: Em, connection: NatsConnection, connected: ReadonlySet<string | undefined>): Promise<void> {
  const sites = (await bufferingSites(em)).filter(({ edgeSiteId, resting }) => connected.has(edgeSiteId) && resting === null);
  const hubs = new Map<number | null, StreamConfig | undefined>();
  for (const { hubShard } of sites) if (!hubs.has(hubShard)) hubs.set(hubShard, await EventsStream.atHub(connection, hubShard ?? 0).current());
  // The hub has answered by now: who notes that leaves come and go does not wait for it.
  for (const site of sites) {
    const hub = hubs.get(site.hubShard);
    const source = hub !== undefined && hasToRest(hub) ? standingSource(hub, siteSource(site)) : undefined;
    if (source !== undefined) await em.nativeUpdate(NatsLeafServer, { edgeSiteId: site.edgeSiteId }, { restingSource: { source } });
  }
}

/** Puts on record how long the source of a site stays out, that is out by now; without a rest, that it is back. */
export async function recordRest(em: Em, site: BufferingSite, resting: RestingSource | null): Promise<void> {
  site.resting = resting;
  const { until = null, ...kept } = resting ?? {};
  await em.nativeUpdate(NatsLeafServer, { edgeSiteId: site.edgeSiteId }, { restingSource: resting && kept, sourceRestsUntil: until });
}
