import { isAtLeast } from './server-version.js';
import type { StreamConfig, StreamSource } from './streams.js';

/** A source that was taken out of a stream at the hub when its leaf came back, and is to be put back later. */
export interface RestingSource {
  /** As it stood, under the name that it had. */
  source: StreamSource;
  /** What the leaf had stored when it was out, which is all that the hub can have of it; undefined when it did not say. */
  lastSequence?: number;
  /** Not before; null as long as it may not be out yet. */
  until: Date | null;
}

/** How long a source stays out, in milliseconds: for as long as a server waits for a leaf's answer, and a little (nats-server, `srcConsumerWaitTime`). */
export const SOURCE_REST = 31_000;

/**
 * Whether a source that is taken out of a stream has to stay out for a while before it is put back.
 *
 * A server asks a leaf for its messages when it starts itself, and when it has not heard of the leaf for ten seconds. It waits half a minute for
 * the answer, and asks again for what it wanted then. Before 2.15 that is done to the source that has the name by now, also when it was
 * taken out meanwhile, put back, and has long gone on: all since is taken twice. While no source has the name, it is done to none.
 *
 * @param hub the configuration of the stream as its server told it: one since 2.11 says its version there
 */
export const hasToRest = ({ metadata }: StreamConfig): boolean => !isAtLeast(metadata?.['_nats.ver'] ?? '2.10', 2, 15);

/** Whether a source is to be kept out of its stream. One of a leaf that is away stays out: a request would be waiting for it again. */
export const isResting = (resting: RestingSource | null, { isLinked, now }: { isLinked: boolean; now: Date }): boolean =>
  resting !== null && (resting.until === null || resting.until > now || !isLinked);
