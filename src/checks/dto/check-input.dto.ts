import { ApiProperty, PartialType, PickType } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min, MinLength } from 'class-validator';
import type { SiteCheckType } from '#libs/model';
import { PageQuery } from '../../platform/paging/index.js';
import { IsDisplayName, IsSettings, MayBeAbsent } from '../../platform/validation/index.js';
import { DEFAULT_INTERVAL, DEFAULT_TIMEOUT, SITE_CHECK_TYPES } from '../check-terms.js';
import type { CheckChanges, CheckFilter, NewCheck } from '../checks.service.js';

const METHODS = ['GET', 'HEAD'] as const;

export class CreateCheckDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  @IsUUID()
  edge_site_id!: string;

  /**
   * What people call it, unique in its site: agents report under this name. 1 to 200 characters, at least one of them visible; no control
   * and no text direction characters.
   * @example "PLC of line 3"
   */
  @IsDisplayName()
  name!: string;

  /**
   * How it is checked, which never changes. `tcp`: a connection is accepted. `http`: a request is answered as expected. `icmp`: a ping is
   * answered. `process`: a process of this name runs beside the agent. `grpc`: the service says that it is serving (grpc.health.v1).
   */
  @IsIn(SITE_CHECK_TYPES)
  @ApiProperty({ enum: SITE_CHECK_TYPES, enumName: 'CheckType', example: 'http' })
  check_type!: SiteCheckType;

  /**
   * Whether it is done; true when absent.
   * @example true
   */
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;

  /**
   * Seconds from one time to the next; 30 when absent.
   * @example 30
   */
  @MayBeAbsent()
  @IsInt()
  @Min(10)
  @Max(86_400)
  interval_sec?: number;

  /**
   * Seconds that it may take, fewer than `interval_sec`; 5 when absent.
   * @example 5
   */
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(60)
  timeout_sec?: number;

  /**
   * The host, as a DNS name or an IP address; of `process`, the name of the process.
   * @example "10.20.0.17"
   */
  @IsString()
  @MinLength(1)
  @MaxLength(253)
  target!: string;

  /**
   * Of `tcp` and `grpc`, which need one, and of `http`, where it is that of the scheme when absent.
   * @example 443
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(65_535)
  port?: number | null;

  /**
   * Of `http`, with the query; `/` when absent.
   * @example "/health"
   */
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  path?: string | null;

  /** Of `http`; GET when absent. */
  @IsOptional()
  @IsIn(METHODS)
  @ApiProperty({ enum: METHODS, required: false, nullable: true, type: 'string', example: 'GET' })
  method?: string | null;

  /**
   * What else a type knows. `http`: `scheme` (`http` or `https`), `expected_status` (such as `200-299,401`), `tls_verify` (`true` or `false`), `server_name`.
   * `grpc`: `service`, `tls` (`true` or `false`), `tls_verify`, `server_name`.
   * @example { "scheme": "https", "expected_status": "200-299" }
   */
  @MayBeAbsent()
  @IsSettings()
  settings?: Record<string, string>;

  /**
   * Whether what is found each time goes into the tenant's stream at the hub, too, as `agent.results.<slug of the site>.checks`: a JSON object a
   * line, with `time`, `check_id`, `name`, `type`, `available`, `response_time_ns` and `details`. False when absent.
   * @example false
   */
  @MayBeAbsent()
  @IsBoolean()
  publish_results?: boolean;
}

/** What can be changed; `settings` as a whole. */
export class UpdateCheckDto extends PartialType(
  PickType(CreateCheckDto, ['name', 'enabled', 'interval_sec', 'timeout_sec', 'target', 'port', 'path', 'method', 'settings', 'publish_results'] as const),
  { skipNullProperties: false },
) {}

export class CheckQuery extends PageQuery {
  /**
   * Only checks of this site.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  @MayBeAbsent()
  @IsUUID()
  edge_site_id?: string;

  /**
   * Only checks of this type.
   * @example "http"
   */
  @MayBeAbsent()
  @IsIn(SITE_CHECK_TYPES)
  check_type?: SiteCheckType;
}

export const toNewCheck = (body: CreateCheckDto): NewCheck => ({
  edgeSiteId: body.edge_site_id,
  name: body.name,
  checkType: body.check_type,
  enabled: body.enabled ?? true,
  intervalSec: body.interval_sec ?? DEFAULT_INTERVAL,
  timeoutSec: body.timeout_sec ?? DEFAULT_TIMEOUT,
  target: body.target,
  port: body.port ?? null,
  path: body.path ?? null,
  method: body.method ?? null,
  settings: body.settings ?? {},
  publishResults: body.publish_results ?? false,
});

export const toCheckChanges = (body: UpdateCheckDto): CheckChanges => {
  const { name, enabled, interval_sec: intervalSec, timeout_sec: timeoutSec, target, port, path, method, settings, publish_results: publishResults } = body;
  const given = { name, enabled, intervalSec, timeoutSec, target, port, path, method, settings, publishResults };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
};

export const toCheckFilter = (query: CheckQuery): CheckFilter => ({ edgeSiteId: query.edge_site_id, checkType: query.check_type });
