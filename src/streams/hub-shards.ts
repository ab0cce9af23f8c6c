import { NatsLeafServer } from '#libs/model';
import { assignShards, shardOfStream, type StreamConfig } from '#libs/nats';
import type { Em } from '../platform/database/index.js';
import type { BufferingSite } from './wanted-streams.js';

/** Whose leaf has connected and who has no stream at the hub yet. */
const NEW = { connectedAt: { $ne: null }, hubShard: null };

export const lackShard = async (em: Em): Promise<boolean> => (await em.count(NatsLeafServer, NEW)) > 0;

/** Gives the tenant's new sites the streams at the hub that source them, for good. @param sitesPerStream how many one takes */
export async function giveShards(em: Em, sitesPerStream: number): Promise<void> {
  const fresh = await em.find(NatsLeafServer, NEW, { fields: ['id'], orderBy: { id: 'asc' } });
  const given = await em.find(NatsLeafServer, { hubShard: { $ne: null } }, { fields: ['hubShard'] });
  const assigned = assignShards(given.map(({ hubShard }) => hubShard!), fresh.length, sitesPerStream);
  for (const shard of new Set(assigned)) {
    const id = fresh.filter((_leaf, index) => assigned[index] === shard).map((leaf) => leaf.id);
    await em.nativeUpdate(NatsLeafServer, { id }, { hubShard: shard });
  }
}

/** Numbers of the shards that sites have, in order; `events` is none. */
export const shardsOfSites = (sites: readonly BufferingSite[]): number[] =>
  [...new Set(sites.map(({ hubShard }) => hubShard ?? 0))].filter((shard) => shard > 0).sort((a, b) => a - b);

/** Numbers of the shards that `events` sources. */
export const shardsOfStream = (events: StreamConfig | undefined): number[] =>
  (events?.sources ?? []).flatMap(({ name, external }) => (external === undefined ? (shardOfStream(name) ?? []) : []));
