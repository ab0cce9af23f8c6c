import { ApiProperty } from '@nestjs/swagger';
import type { Check, SiteCheckType } from '#libs/model';
import { SITE_CHECK_TYPES } from '../check-terms.js';

export class CheckDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  edge_site_id!: string;

  /** @example "PLC of line 3" */
  name!: string;

  @ApiProperty({ enum: SITE_CHECK_TYPES, enumName: 'CheckType', example: 'http' })
  check_type!: SiteCheckType;

  /** @example true */
  enabled!: boolean;

  /** @example 30 */
  interval_sec!: number;

  /** @example 5 */
  timeout_sec!: number;

  /** @example "10.20.0.17" */
  target!: string;

  /** @example 443 */
  port!: number | null;

  /** @example "/health" */
  path!: string | null;

  /** @example "GET" */
  method!: string | null;

  /** @example { "scheme": "https" } */
  settings!: Record<string, string>;

  /** @example false */
  publish_results!: boolean;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  updated_at!: string;
}

export const toCheckDto = (check: Check): CheckDto => ({
  id: check.id,
  edge_site_id: check.edgeSiteId,
  name: check.name,
  check_type: check.checkType,
  enabled: check.enabled,
  interval_sec: check.intervalSec,
  timeout_sec: check.timeoutSec,
  target: check.target,
  port: check.port ?? null,
  path: check.path ?? null,
  method: check.method ?? null,
  settings: check.settings,
  publish_results: check.publishResults,
  created_at: check.createdAt.toISOString(),
  updated_at: check.updatedAt.toISOString(),
});
