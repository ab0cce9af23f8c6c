import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsUUID } from 'class-validator';
import { ALERT_KINDS, type AlertKind, type AlertSeverity, SEVERITIES } from '#libs/alerts';
import { alertLifecycle, type AlertStatus } from '#libs/lifecycle';
import type { Alert, AlertResolution } from '#libs/model';
import { PageQuery } from '../../platform/paging/index.js';
import { MayBeAbsent } from '../../platform/validation/index.js';
import type { AlertFilter } from '../alerts.service.js';

const RESOLUTIONS = ['recovered', 'not_watched', 'rule_deleted', 'site_deleted'] as const satisfies readonly AlertResolution[];

export class AlertQuery extends PageQuery {
  /** Only alerts in this state. */
  @MayBeAbsent()
  @IsIn(alertLifecycle.states)
  @ApiPropertyOptional({ enum: alertLifecycle.states, enumName: 'AlertStatus', example: 'open' })
  status?: AlertStatus;

  /** Only alerts of this severity. */
  @MayBeAbsent()
  @IsIn(SEVERITIES)
  @ApiPropertyOptional({ enum: SEVERITIES, enumName: 'AlertSeverity', example: 'critical' })
  severity?: AlertSeverity;

  /**
   * Only alerts of this site.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  @MayBeAbsent()
  @IsUUID()
  edge_site_id?: string;

  /**
   * Only alerts of this rule.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed2"
   */
  @MayBeAbsent()
  @IsUUID()
  rule_id?: string;
}

/** Of a rule and a site, one at most is not resolved. */
export class AlertDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed3" */
  id!: string;

  /**
   * Null when the rule is gone.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed2"
   */
  rule_id!: string | null;

  /**
   * As it was called when the alert opened.
   * @example "Plants offline"
   */
  rule_name!: string;

  @ApiProperty({ enum: ALERT_KINDS, enumName: 'AlertKind', example: 'disconnected_for' })
  kind!: AlertKind;

  /** As the rule said when the alert opened. */
  @ApiProperty({ enum: SEVERITIES, enumName: 'AlertSeverity', example: 'critical' })
  severity!: AlertSeverity;

  /**
   * Null when the site is gone.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  edge_site_id!: string | null;

  /**
   * As it was called when the alert opened.
   * @example "New York plant"
   */
  site_name!: string;

  /** Resolved by itself; acknowledged when somebody has seen it before. */
  @ApiProperty({ enum: alertLifecycle.states, enumName: 'AlertStatus', example: 'open' })
  status!: AlertStatus;

  /**
   * As of when it opened.
   * @example "The leaf has had no link to the hub for 5 minutes."
   */
  summary!: string;

  /**
   * What was found when it opened, by the kind of the rule.
   * @example { "disconnected_at": "2026-11-24T09:55:00.000Z", "reason": "Client Closed", "flapping": false }
   */
  @ApiProperty({ type: 'object', additionalProperties: true, example: { disconnected_at: '2026-11-24T09:55:00.000Z', reason: 'Client Closed', flapping: false } })
  detail!: Record<string, unknown>;

  /**
   * Since when it was so when it opened; of what is to come, when that was to be.
   * @example "2026-11-24T09:55:00.000Z"
   */
  since!: string;

  /**
   * The seconds that the threshold is held against, as they were at most a minute ago, or last.
   * @example 300
   */
  last_value!: number;

  /** @example "2026-11-24T10:00:00.000Z" */
  opened_at!: string;

  /** @example "2026-11-24T10:01:00.000Z" */
  acknowledged_at!: string | null;

  /**
   * Who: `api_key:<id>` or `user:<sub>`.
   * @example "api_key:01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f"
   */
  acknowledged_by!: string | null;

  /** @example "2026-11-24T10:10:00.000Z" */
  resolved_at!: string | null;

  /** Why it is resolved: it is over; the rule does not watch the site any more; one of them was deleted. */
  @ApiProperty({ type: String, enum: RESOLUTIONS, nullable: true, example: 'recovered' })
  resolution!: AlertResolution | null;
}

export const toAlertFilter = (query: AlertQuery): AlertFilter => ({
  status: query.status,
  severity: query.severity,
  edgeSiteId: query.edge_site_id,
  alertRuleId: query.rule_id,
});

const time = (at: Date | null | undefined) => at?.toISOString() ?? null;

export const toAlertDto = (alert: Alert): AlertDto => ({
  id: alert.id,
  rule_id: alert.alertRuleId ?? null,
  rule_name: alert.ruleName,
  kind: alert.kind,
  severity: alert.severity,
  edge_site_id: alert.edgeSiteId ?? null,
  site_name: alert.siteName,
  status: alert.status,
  summary: alert.summary,
  detail: alert.detail,
  since: alert.since.toISOString(),
  last_value: alert.lastValue,
  opened_at: alert.openedAt.toISOString(),
  acknowledged_at: time(alert.acknowledgedAt),
  acknowledged_by: alert.acknowledgedBy ?? null,
  resolved_at: time(alert.resolvedAt),
  resolution: alert.resolution ?? null,
});
