import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import type { BufferDiscard, EdgeSite } from '#libs/model';
import { MayBeAbsent } from '../../platform/validation/index.js';
import { fullInOf, siteRetention } from '../../streams/index.js';
import type { MeasuredSite } from '../site-with-leaf.js';

const MIB = 2 ** 20;
const TIB = 2 ** 40;
const MINUTE = 60;
const YEAR = 366 * 24 * 60 * MINUTE;

const DISCARD = ['old', 'new'] as const satisfies BufferDiscard[];

/** What the site's leaf keeps, whether it can reach the hub or not. What is not given stays, or is the default. */
export class BufferSettingsDto {
  /**
   * Seconds that a message is kept for: a minute to a year; seven days by default. The hub keeps messages for as long as the leaf of
   * the tenant's that keeps them longest, and for seven days at least.
   * @example 604800
   */
  @MayBeAbsent()
  @IsInt()
  @Min(MINUTE)
  @Max(YEAR)
  max_age?: number;

  /**
   * Bytes of messages that are kept, at most nine tenths of `jetstream_max_file_bytes`. Null, the default, is exactly that.
   * @example 1073741824
   */
  @IsOptional()
  @IsInt()
  @Min(MIB)
  @Max(1024 * TIB)
  max_bytes?: number | null;

  /**
   * What goes when the buffer is full: `old`, the oldest messages, or `new`, what comes, whose publishers get an error. With `new`, messages that
   * the hub has already take up room until they are older than `max_age`.
   * @example "old"
   */
  @MayBeAbsent()
  @IsIn(DISCARD)
  @ApiProperty({ enum: DISCARD, enumName: 'BufferDiscard' })
  discard?: BufferDiscard;
}

export class BufferDto {
  /**
   * Seconds that a message is kept for.
   * @example 604800
   */
  max_age!: number;

  /**
   * Bytes of messages that are kept; null is as many as the leaf's JetStream has room for.
   * @example 1073741824
   */
  max_bytes!: number | null;

  /** What goes when the buffer is full: the oldest messages, or what comes, whose publishers get an error. */
  @ApiProperty({ enum: DISCARD, enumName: 'BufferDiscard', example: 'old' })
  discard!: BufferDiscard;
}

export const toBufferDto = (site: EdgeSite): BufferDto => ({
  max_age: site.bufferMaxAge,
  max_bytes: site.bufferMaxBytes ?? null,
  discard: site.bufferDiscard,
});

/** The limits of a leaf's stream. */
export class BufferLimitsDto {
  /** @example 604800 */
  max_age!: number;

  /** @example 9663676416 */
  max_bytes!: number;

  @ApiProperty({ enum: DISCARD, enumName: 'BufferDiscard', example: 'old' })
  discard!: BufferDiscard;
}

/** What a site's leaf held when it was last asked. All but the first three fields are null when it never was. */
export class SiteBufferDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  edge_site_id!: string;

  /**
   * Whether the leaf is connected to the hub now. One that is not goes on storing, and cannot be asked.
   * @example true
   */
  connected!: boolean;

  /**
   * When all this was so. A leaf that is connected is measured once a minute, when it connects, and every five seconds while messages wait.
   * @example "2026-11-24T10:30:00.000Z"
   */
  measured_at!: string | null;

  /**
   * Messages that the hub had not got, at most: those it may have got are counted, too, while that is not known.
   * @example 1200
   */
  waiting_messages!: number | null;

  /**
   * Bytes of these, by the average size of a message.
   * @example 480000
   */
  waiting_bytes!: number | null;

  /**
   * Age of the oldest of these, in seconds, by the leaf's own clock; null when none waited. It is interpolated between times that are known.
   * @example 310
   */
  oldest_age!: number | null;

  /**
   * All messages that the leaf held, those that the hub has among them.
   * @example 250000
   */
  stored_messages!: number | null;

  /** @example 100000000 */
  stored_bytes!: number | null;

  /**
   * Messages that came in a second, on average of about the last hour.
   * @example 4.2
   */
  message_rate!: number | null;

  /**
   * Bytes that came in a second.
   * @example 1680.5
   */
  byte_rate!: number | null;

  /**
   * Seconds from `measured_at` until the leaf loses a message that the hub has not got, or refuses one, if nothing is forwarded from then on and as
   * much comes in as did: for want of room, or as the oldest is older than `max_age`. Null when that will not be.
   * @example 86400
   */
  full_in!: number | null;

  /**
   * The limits that were in force at the leaf.
   * @example { "max_age": 604800, "max_bytes": 9663676416, "discard": "old" }
   */
  limits!: BufferLimitsDto | null;

  /**
   * Whether these are not what `buffer` of the site says: the leaf was away since that was changed, or has messages that the hub has not got, which
   * narrower limits wait for, or the next generation of its files is to bring the disk.
   * @example false
   */
  limits_pending!: boolean | null;
}

const NOT_MEASURED = {
  measured_at: null,
  waiting_messages: null,
  waiting_bytes: null,
  oldest_age: null,
  stored_messages: null,
  stored_bytes: null,
  message_rate: null,
  byte_rate: null,
  full_in: null,
  limits: null,
  limits_pending: null,
};

export function toSiteBufferDto({ site, leaf, buffer }: MeasuredSite): SiteBufferDto {
  const known = { edge_site_id: site.id, connected: leaf.linkId != null };
  if (buffer === undefined) return { ...known, ...NOT_MEASURED };
  const { maxAgeMs, maxBytes, discard } = buffer;
  const wanted = siteRetention(site, leaf);
  return {
    ...known,
    measured_at: buffer.measuredAt.toISOString(),
    waiting_messages: buffer.waitingMessages,
    waiting_bytes: buffer.waitingBytes,
    oldest_age: inSeconds(buffer.oldestAgeMs ?? null),
    stored_messages: buffer.messages,
    stored_bytes: buffer.bytes,
    message_rate: buffer.messageRate,
    byte_rate: buffer.byteRate,
    full_in: fullInOf(buffer),
    limits: { max_age: maxAgeMs / 1000, max_bytes: maxBytes, discard },
    limits_pending: maxAgeMs !== wanted.maxAgeMs || maxBytes !== wanted.maxBytes || discard !== wanted.discard,
  };
}

const inSeconds = (ms: number | null): number | null => (ms === null ? null : Math.round(ms / 1000));
