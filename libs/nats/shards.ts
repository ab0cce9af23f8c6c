/** Sites that one stream at the hub sources: with many more, sources take long to start. */
export const SITES_PER_STREAM = 50;

/**
 * Gives new sites the hub's streams that source them: each the lowest one that has room. Nothing is said about sites that have one: to move
 * them would lose messages, or bring them twice.
 *
 * @param taken the streams of the sites that have one
 * @param count how many are new
 * @param size how many sites a stream takes; one that has more keeps them
 * @returns a stream for each of the new ones: 0 is `events` itself
 */
export function assignShards(taken: readonly number[], count: number, size = SITES_PER_STREAM): number[] {
  const sites = new Map<number, number>();
  for (const shard of taken) sites.set(shard, (sites.get(shard) ?? 0) + 1);
  const assigned: number[] = [];
  for (let shard = 0; assigned.length < count; shard++) {
    const room = Math.max(0, size - (sites.get(shard) ?? 0));
    assigned.push(...Array<number>(Math.min(room, count - assigned.length)).fill(shard));
  }
  return assigned;
}
