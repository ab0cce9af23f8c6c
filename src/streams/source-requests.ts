import { once } from 'node:events';
import type { NatsConnection } from '@nats-io/transport-node';
import { requestedSequence, type SourcedSite, sourceRequestSubjects } from '#libs/nats';

/** How long the hub may take to ask a leaf for its messages after the source was made, in milliseconds. It takes some. */
const PATIENCE = 3_000;

/**
 * Learns where the hub goes on with a leaf. No answer of its API says that, but its request to the leaf does.
 *
 * @param arm has the hub ask anew
 * @returns the sequence of the next message that it wants; undefined when it asked for none in time
 */
export async function sequenceAskedFor(connection: NatsConnection, site: SourcedSite, arm: () => Promise<unknown>): Promise<number | undefined> {
  const heard = new EventTarget();
  let sequence: number | undefined;
  const subscriptions = sourceRequestSubjects(site).map((subject) =>
    connection.subscribe(subject, {
      callback: (_error, { data }) => {
        sequence = requestedSequence(site, data) ?? sequence;
        if (sequence !== undefined) heard.dispatchEvent(new Event('asked'));
      },
    }),
  );
  try {
    await connection.flush();
    await arm();
    if (sequence === undefined) await once(heard, 'asked', { signal: AbortSignal.timeout(PATIENCE) }).catch(() => undefined);
    return sequence;
  } finally {
    for (const subscription of subscriptions) subscription.unsubscribe();
  }
}
