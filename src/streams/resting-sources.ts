import type { NatsConnection } from '@nats-io/transport-node';
import { NatsLeafServer } from '#libs/model';
import { hasToRest, siteSource, standingSource } from '#libs/nats';
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
  for (const shard of new Set(sites.map(({ hubShard }) => hubShard ?? 0))) {
    const hub = await EventsStream.atHub(connection, shard).current();
    if (hub === undefined || !hasToRest(hub)) continue;
    for (const site of sites) {
      const source = standingSource(hub, siteSource(site));
      if (source !== undefined) await em.nativeUpdate(NatsLeafServer, { edgeSiteId: site.edgeSiteId }, { restingSource: source });
    }
  }
}

/** Puts on record, when the hub's streams have been seen to, how long those that are out stay out, and which are back. */
export async function keepResting(em: Em, sites: readonly BufferingSite[], { sourced, until }: { sourced: readonly BufferingSite[]; until: Date }): Promise<void> {
  const isBack = new Set(sourced);
  for (const site of sites) {
    if (site.resting === null) continue;
    if (isBack.has(site)) site.resting = null;
    else if (site.resting.until === null) site.resting = { ...site.resting, until };
    else continue;
    const { edgeSiteId, resting } = site;
    await em.nativeUpdate(NatsLeafServer, { edgeSiteId }, { restingSource: resting?.source ?? null, sourceRestsUntil: resting?.until ?? null });
  }
}
