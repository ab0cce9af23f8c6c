import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Max, Min, ValidateBy } from 'class-validator';
import { decodeCursor } from './cursor.js';

const isCursor = (value: unknown) => typeof value === 'string' && decodeCursor(value) !== undefined;

const IsCursor = () =>
  ValidateBy({
    name: 'isCursor',
    validator: { validate: isCursor, defaultMessage: () => 'cursor must be the next_cursor of an earlier page' },
  });

/** `Number` alone would take '', ' 7', '1e2' and '0x10' for numbers. */
const toNumber = ({ value }: { value: unknown }) => (typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value);

export class PageQuery {
  /** How many items a page holds at most. */
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 200, default: 50, example: 50 })
  @Transform(toNumber)
  @IsInt()
  @Min(1)
  @Max(200)
  limit: number = 50;

  /**
   * The `next_cursor` of the page before; absent for the first page.
   * @example "WyIwMTkzNmIxZS03ZDVjLTdjM2EtOWYwZS0yYjhhNWQxYzRlNmYiXQ"
   */
  @IsOptional()
  @IsCursor()
  cursor?: string;
}
