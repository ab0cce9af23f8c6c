import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import type { BufferDiscard, EdgeSite } from '#libs/model';
import { MayBeAbsent } from '../../platform/validation/index.js';

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
