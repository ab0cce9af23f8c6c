import { isJsonObject, type JsonObject, objectField, parseJsonObject, textField, unexpected } from './json.js';

/** What a stream holds. Times are of its server's clock. */
export interface StreamState {
  messages: number;
  bytes: number;
  firstSequence: number;
  lastSequence: number;
  /** Of its first and last message; undefined when it holds none. */
  firstAt?: Date;
  lastAt?: Date;
  /** When the stream was made: one that was made anew counts from elsewhere. */
  createdAt: Date;
  /** When the server told all this. */
  at: Date;
}

/** What a stream knows of one of its sources. */
export interface SourceState {
  /** Messages that it had not received when the last one came. */
  lag: number;
  /** Milliseconds since the source was last heard, which it is each second while it is there; undefined when it never was. */
  heardMs: number | undefined;
}

export interface StreamInfo {
  state: StreamState;
  /** By where they deliver: see `sourceDelivery`. */
  sources: ReadonlyMap<string, SourceState>;
}

const WHAT = 'the state of a stream';
const NANOSECONDS = 1_000_000;

/**
 * Reads the answer to an info request, that of a leaf too, which may lie: numbers are whole, not negative and exact, times are times.
 * @throws DomainError `hub_unreachable` when it has an unknown shape.
 */
export function parseStreamInfo(payload: Uint8Array): StreamInfo {
  const answer = parseJsonObject(WHAT, payload);
  const state = objectField(WHAT, answer, 'state');
  const messages = countField(state, 'messages');
  const timeUnlessEmpty = (name: string) => (messages === 0 ? undefined : timeField(state, name));
  return {
    state: {
      messages,
      bytes: countField(state, 'bytes'),
      firstSequence: countField(state, 'first_seq'),
      lastSequence: countField(state, 'last_seq'),
      firstAt: timeUnlessEmpty('first_ts'),
      lastAt: timeUnlessEmpty('last_ts'),
      createdAt: timeField(answer, 'created'),
      at: timeField(answer, 'ts'),
    },
    sources: sourcesOf(answer.sources),
  };
}

function sourcesOf(value: unknown): Map<string, SourceState> {
  if (value == null) return new Map();
  if (!Array.isArray(value)) throw unexpected(WHAT, 'sources');
  return new Map(
    value.flatMap((source: unknown) => {
      if (!isJsonObject(source)) throw unexpected(WHAT, 'sources');
      const deliver = isJsonObject(source.external) ? source.external.deliver : undefined;
      return typeof deliver === 'string' ? [[deliver, { lag: countField(source, 'lag'), heardMs: heardMs(source.active) }] as const] : [];
    }),
  );
}

/** Nanoseconds; -1 when it was never heard. */
const heardMs = (active: unknown): number | undefined => (typeof active === 'number' && active >= 0 ? active / NANOSECONDS : undefined);

function countField(from: JsonObject, name: string): number {
  const value = from[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw unexpected(WHAT, name);
  return value;
}

function timeField(from: JsonObject, name: string): Date {
  const text = textField(WHAT, from, name);
  const time = new Date(text);
  if (!/^\d{4}-/.test(text) || Number.isNaN(time.getTime())) throw unexpected(WHAT, name);
  return time;
}
