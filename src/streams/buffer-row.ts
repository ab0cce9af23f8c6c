import type { SiteBuffer } from '#libs/model';
import { type BufferMeasure, fullIn, type StreamConfig } from '#libs/nats';

const NANOSECONDS = 1_000_000;

/** What says when a buffer is full. */
export type LimitedBuffer = Pick<SiteBuffer, 'bytes' | 'waitingBytes' | 'oldestAgeMs' | 'byteRate' | 'maxAgeMs' | 'maxBytes' | 'discard'>;

/** A measure as columns. */
export const rowOfMeasure = ({ at, createdAt, ...measure }: BufferMeasure) => ({ ...measure, leafTime: at, streamCreatedAt: createdAt });

export const measureOfRow = (row: SiteBuffer): BufferMeasure => ({
  messages: row.messages,
  bytes: row.bytes,
  lastSequence: row.lastSequence,
  forwardedSequence: row.forwardedSequence ?? null,
  waitingMessages: row.waitingMessages,
  waitingBytes: row.waitingBytes,
  oldestAgeMs: row.oldestAgeMs ?? null,
  messageRate: row.messageRate,
  byteRate: row.byteRate,
  rateSpan: row.rateSpan,
  createdAt: row.streamCreatedAt,
  at: row.leafTime,
});

/** When the leaf has no room any more for what the hub has not got: see `fullIn` of libs/nats. @returns seconds from the measure on */
export const fullInOf = (row: LimitedBuffer): number | null =>
  fullIn({ bytes: row.bytes, waitingBytes: row.waitingBytes, oldestAgeMs: row.oldestAgeMs ?? null, byteRate: row.byteRate }, row);

/** The limits that a stream has, as columns. */
export const retentionOfStream = ({ max_age: maxAge, max_bytes: maxBytes, discard }: StreamConfig) => ({
  maxAgeMs: Math.round(maxAge / NANOSECONDS),
  maxBytes,
  discard,
});
