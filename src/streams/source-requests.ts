import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { requestedSequence, type SourcedSite, sourceRequestSubjects } from '#libs/nats';

/** How long the hub may take to ask leaves for their messages after their sources were made, in milliseconds. It takes some. */
const PATIENCE = 3_000;

/** How long it takes at most to read what has come, in milliseconds. */
const LAST_LOOK = 1_000;

/**
 * Learns where the hub goes on with leaves. No answer of its API says that, but its request to a leaf does.
 *
 * @param arm has the hub ask anew
 * @returns the sequence of the next message that it wants of each; a site is missing of which it wanted none in time
 */
export async function sequencesAskedFor<Site extends SourcedSite>(
  connection: NatsConnection,
  sites: readonly Site[],
  arm: () => Promise<unknown>,
): Promise<Map<Site, number>> {
  const asked = new Map<Site, number>();
  const heard = new EventTarget();
  const subscriptions = sites.flatMap((site) =>
    sourceRequestSubjects(site).map((subject) =>
      connection.subscribe(subject, {
        callback: (_error, { data }) => {
          const sequence = requestedSequence(site, data);
          if (sequence !== undefined) asked.set(site, sequence);
          if (asked.size === sites.length) heard.dispatchEvent(new Event('all'));
        },
      }),
    ),
  );
  try {
    await connection.flush();
    await arm();
    if (asked.size === sites.length) return asked;
    await once(heard, 'all', { signal: AbortSignal.timeout(PATIENCE) }).catch(() => undefined);
    // A process that stood still meanwhile has not read yet what came in time. Whoever is missing then, also as the link broke, is missing.
    if (asked.size < sites.length) await Promise.race([connection.flush().catch(() => undefined), delay(LAST_LOOK)]);
    return asked;
  } finally {
    for (const subscription of subscriptions) subscription.unsubscribe();
  }
}
