import type { StreamState } from './stream-state.js';
import type { Retention } from './streams.js';

/** What a leaf's stream holds, and what of it the hub has not got yet. */
export interface BufferMeasure {
  messages: number;
  bytes: number;
  lastSequence: number;
  /** The hub has all up to this one; null when that is not known. */
  forwardedSequence: number | null;
  /** Messages that are not at the hub, and perhaps some that are. */
  waitingMessages: number;
  /** Bytes of these, from the average size of a message. */
  waitingBytes: number;
  /** Whole milliseconds; null when nothing waits. Between two messages whose times are known it is interpolated. */
  oldestAgeMs: number | null;
  /** Messages and bytes that come in a second. */
  messageRate: number;
  byteRate: number;
  /** Seconds that the rates are the average of. */
  rateSpan: number;
  createdAt: Date;
  /** By the clock of the leaf. */
  at: Date;
}

/** Rates are averages of about so many seconds. */
const RATE_SPAN = 3_600;

/** And of so many at least: the first messages of a leaf often come all at once. */
const LEAST_RATE_SPAN = 60;

/**
 * Compares a leaf's stream with what the hub has of it.
 *
 * @param lag messages that the hub's source had not received, as the hub knew after the leaf was asked; undefined when it has not heard from
 * the leaf since: what was known before then still holds, as a hub forgets nothing
 * @param before the measure before this one
 */
export function measureBuffer(state: StreamState, lag: number | undefined, before: BufferMeasure | undefined): BufferMeasure {
  // A leaf that was wiped begins at another sequence, and one that was rolled back has sequences again that it had before.
  const isSame = before?.createdAt.getTime() === state.createdAt.getTime() && before.lastSequence <= state.lastSequence;
  const known = isSame ? before : undefined;
  const forwarded = latest(known?.forwardedSequence ?? null, lag === undefined ? null : state.lastSequence - lag);
  const waiting = forwarded === null ? state.messages : Math.min(state.messages, state.lastSequence - forwarded);
  const size = state.messages === 0 ? 0 : state.bytes / state.messages;
  const { rate, span } = rateOf(state, known);
  return {
    messages: state.messages,
    bytes: state.bytes,
    lastSequence: state.lastSequence,
    forwardedSequence: forwarded,
    waitingMessages: waiting,
    waitingBytes: Math.round(waiting * size),
    oldestAgeMs: waiting === 0 ? null : Math.max(0, Math.round(state.at.getTime() - timeOf(state.lastSequence - waiting + 1, state, known))),
    messageRate: rate,
    byteRate: rate * size,
    rateSpan: span,
    createdAt: state.createdAt,
    at: state.at,
  };
}

/**
 * When a leaf that forwards nothing from now on, and takes in as much as it did, is the first time without room for a message that the hub has
 * not got: drops it as the oldest or for its age, or refuses it.
 * @returns seconds; null when that will not be
 */
export function fullIn(
  { bytes, waitingBytes, oldestAgeMs, byteRate }: Pick<BufferMeasure, 'bytes' | 'waitingBytes' | 'oldestAgeMs' | 'byteRate'>,
  { maxAgeMs, maxBytes, discard }: Retention,
): number | null {
  const maxAge = maxAgeMs / 1000;
  // What is refused finds no room for what the hub has already, either, unless that goes for its age in time.
  const taken = discard === 'new' ? bytes : waitingBytes;
  const isNeverFull = maxBytes <= 0 || byteRate === 0 || (discard === 'new' && byteRate * maxAge <= maxBytes);
  const spaceIn = isNeverFull ? Infinity : (maxBytes - taken) / byteRate;
  const nothingComes = byteRate === 0 && oldestAgeMs === null;
  const agedIn = nothingComes ? Infinity : maxAge - (oldestAgeMs ?? 0) / 1000;
  const seconds = Math.max(0, Math.min(spaceIn, agedIn));
  return Number.isFinite(seconds) ? Math.round(seconds) : null;
}

const latest = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.max(a, b));

/** The average since the measure before, and of as much of the time before that as belongs to the span. */
function rateOf({ messages, lastSequence, firstAt, at }: StreamState, before: BufferMeasure | undefined): { rate: number; span: number } {
  if (before === undefined) {
    const span = Math.max(LEAST_RATE_SPAN, firstAt === undefined ? 0 : secondsBetween(firstAt, at));
    return { rate: messages / span, span: Math.min(span, RATE_SPAN) };
  }
  const passed = secondsBetween(before.at, at);
  const span = before.rateSpan + passed;
  if (passed === 0) return { rate: before.messageRate, span: before.rateSpan };
  const came = lastSequence - before.lastSequence;
  return { rate: (before.messageRate * before.rateSpan + came) / span, span: Math.min(span, RATE_SPAN) };
}

/** A clock that was put back gives none. */
const secondsBetween = (from: Date, to: Date): number => Math.max(0, to.getTime() - from.getTime()) / 1000;

/** When a message came, as far as that can be told: known are the first one's time, the last one's, and which was the last one before. */
function timeOf(sequence: number, { firstSequence, lastSequence, firstAt, lastAt, at }: StreamState, before: BufferMeasure | undefined): number {
  const known: [sequence: number, time: number][] = [
    [firstSequence, (firstAt ?? at).getTime()],
    [lastSequence, (lastAt ?? at).getTime()],
  ];
  if (before && before.lastSequence > firstSequence && before.lastSequence < lastSequence) known.splice(1, 0, [before.lastSequence, before.at.getTime()]);
  const after = Math.max(1, known.findIndex(([one]) => one >= sequence));
  const [[from, fromTime], [to, toTime]] = [known[after - 1]!, known[after]!];
  return to === from ? toTime : fromTime + ((sequence - from) / (to - from)) * (toTime - fromTime);
}
