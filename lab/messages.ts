import { createHash } from 'node:crypto';
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import { until } from './until.js';

/** The stream of a tenant, at its leaves and at the hub. */
const STREAM = 'events';

/** How many times it is asked what the stream holds. */
const TRIES = 10;

/** Publishes under way at once. */
const WINDOW = 256;

export interface StoredMessage {
  /** In the stream that it was published to, wherever it was read. */
  sequence: number;
  text: string;
}

export interface Batch {
  subject: string;
  /** Stands before the number in each message. */
  label: string;
  count: number;
}

/** Publishes `<label> 1` to `<label> <count>`. Resolves when the stream has acknowledged all of them. */
export async function publish(connection: NatsConnection, { subject, label, count }: Batch): Promise<void> {
  const js = jetstream(connection, { timeout: 10_000 });
  for (let first = 1; first <= count; first += WINDOW) {
    const numbers = Array.from({ length: Math.min(WINDOW, count - first + 1) }, (_, index) => first + index);
    await Promise.all(numbers.map((number) => js.publish(subject, `${label} ${number}`)));
  }
}

/** How many messages the stream holds on the subject. */
export async function count(connection: NatsConnection, subject: string): Promise<number> {
  // What is asked while the connection is lost is never answered, so not for long, and again.
  const manager = await jetstreamManager(connection, { timeout: 1_000, checkAPI: false });
  for (let tries = 1; ; tries++) {
    try {
      const { state } = await manager.streams.info(STREAM, { subjects_filter: subject });
      return Object.values(state.subjects ?? {}).reduce((sum, one) => sum + one, 0);
    } catch (error) {
      if (!(error instanceof errors.TimeoutError) || tries === TRIES) throw error;
    }
  }
}

/** Waits until the stream is there. */
export function streamReady(connection: NatsConnection): Promise<number> {
  return until('the stream is there', async () => (await count(connection, '>')) + 1);
}

/**
 * Waits until the stream holds that many messages on the subject, then reads all that it holds there, in its order.
 * The user of the connection needs to have been given exactly this subject to subscribe to.
 */
export async function read(connection: NatsConnection, subject: string, expected: number): Promise<StoredMessage[]> {
  await until(`${expected} messages are on ${subject}`, async () => (await count(connection, subject)) >= expected, { timeout: 60_000, interval: 50 });
  if (expected === 0 && (await count(connection, subject)) === 0) return [];
  const consumer = await jetstream(connection).consumers.get(STREAM, {
    filter_subjects: subject,
    deliver_policy: DeliverPolicy.All,
  });
  const found: StoredMessage[] = [];
  for await (const message of await consumer.consume({ max_messages: 1_000 })) {
    found.push({ sequence: originOf(message.headers?.get('Nats-Stream-Source')) ?? message.seq, text: message.string() });
    if (message.info.pending === 0) break;
  }
  return found;
}

/** SHA-256 over sequences and texts, in hex. */
export function digest(messages: readonly StoredMessage[]): string {
  const hash = createHash('sha256');
  for (const { sequence, text } of messages) hash.update(`${sequence} ${text}\n`);
  return hash.digest('hex');
}

/** Messages whose text starts with the label. */
export const labelled = (messages: readonly StoredMessage[], label: string): StoredMessage[] =>
  messages.filter(({ text }) => text.startsWith(`${label} `));

/** A sourced message says where it comes from: stream, sequence, filter, and so on (nats-server, `streamSourceHeader`). */
function originOf(header: string | undefined): number | undefined {
  const sequence = Number(header?.split(' ')[1]);
  return header && Number.isSafeInteger(sequence) ? sequence : undefined;
}
