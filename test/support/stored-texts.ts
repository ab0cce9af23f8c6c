import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/** The texts of all messages that the stream `events` holds where the connection leads. @param subject all when absent */
export async function storedTexts(connection: NatsConnection, subject?: string): Promise<string[]> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  if ((await manager.streams.info('events')).state.messages === 0) return [];
  const consumer = await jetstream(connection, { checkAPI: false }).consumers.get('events', { filter_subjects: subject });
  const texts: string[] = [];
  for await (const message of await consumer.consume()) {
    texts.push(message.string());
    if (message.info.pending === 0) break;
  }
  return texts;
}
