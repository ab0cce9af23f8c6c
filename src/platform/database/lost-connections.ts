import type { Pool, PoolClient } from 'pg';

/**
 * Gives connections back to their pool that end while somebody holds them. Kysely, which the ORM runs on, keeps one whose `begin` or `rollback`
 * fails (kysely-org/kysely#1990), as they do when the server has ended it: after as many as the pool may have, nobody would get one any more.
 */
export function giveBackLostConnections(pool: Pool): void {
  const connect = pool.connect.bind(pool) as (...callback: unknown[]) => Promise<PoolClient>;
  // With a callback, it is the pool's own: for a single query, which gives back what it took.
  const connectAndWatch = async (...callback: unknown[]) => (callback.length > 0 ? connect(...callback) : watch(await connect()));
  pool.connect = connectAndWatch as typeof pool.connect;
}

/** Whoever holds it may still give it back, and finds that done. */
function watch(client: PoolClient): PoolClient {
  const release = client.release.bind(client);
  const giveBack = (error?: Error | boolean) => {
    client.off('end', lost);
    client.release = () => undefined;
    release(error);
  };
  const lost = () => giveBack(true);
  client.once('end', lost);
  client.release = giveBack;
  return client;
}
