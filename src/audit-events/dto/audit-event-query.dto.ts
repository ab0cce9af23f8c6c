import { Transform } from 'class-transformer';
import { IsDate, IsIn, IsString, IsUUID, MaxLength } from 'class-validator';
import type { AuditOutcome } from '#libs/model';
import { PageQuery } from '../../platform/paging/index.js';
import { MayBeAbsent } from '../../platform/validation/index.js';

/** With a time zone: without one, it would be the server's. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})$/;

const toTime = ({ value }: { value: unknown }) => (typeof value === 'string' && TIME.test(value) ? new Date(value) : value);

export class AuditEventQuery extends PageQuery {
  /**
   * Who, exactly as in the rows.
   * @example "api_key:01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f"
   */
  @MayBeAbsent()
  @IsString()
  @MaxLength(260)
  actor?: string;

  /**
   * What, exactly as in the rows.
   * @example "edge_site.create"
   */
  @MayBeAbsent()
  @IsString()
  @MaxLength(200)
  action?: string;

  /** @example "edge_site" */
  @MayBeAbsent()
  @IsString()
  @MaxLength(200)
  subject_type?: string;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  @MayBeAbsent()
  @IsUUID()
  subject_id?: string;

  /** @example "refused" */
  @MayBeAbsent()
  @IsIn(['done', 'refused'])
  outcome?: AuditOutcome;

  /**
   * From this time on, with a time zone.
   * @example "2026-11-24T00:00:00Z"
   */
  @MayBeAbsent()
  @Transform(toTime)
  @IsDate({ message: 'since must be a time with a time zone, as 2026-11-24T00:00:00Z' })
  since?: Date;

  /**
   * Before this time, with a time zone.
   * @example "2026-11-25T00:00:00Z"
   */
  @MayBeAbsent()
  @Transform(toTime)
  @IsDate({ message: 'until must be a time with a time zone, as 2026-11-25T00:00:00Z' })
  until?: Date;
}
