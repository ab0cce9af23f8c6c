import { ApiProperty, OmitType, PartialType } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray, IsBoolean, IsIn, IsInt, IsUUID, Max, Min } from 'class-validator';
import { ALERT_KINDS, type AlertKind, type AlertSeverity, SEVERITIES } from '#libs/alerts';
import type { AlertRule } from '#libs/model';
import { IsDisplayName, IsLabels, MayBeAbsent } from '../../platform/validation/index.js';
import type { RuleChanges, RuleSettings } from '../alert-rules.service.js';

const YEAR = 365 * 24 * 60 * 60;

/** Seconds that something must be over when nobody says for how long; less when the threshold is less. */
const RESOLVE_AFTER = 60;

export class CreateAlertRuleDto {
  /**
   * What people call the rule. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "Plants offline"
   */
  @IsDisplayName()
  name!: string;

  /**
   * What is watched at each site. `disconnected_for`: the hub has no link of its leaf. `buffer_full_within`: its leaf has no room any more for what the
   * hub has not got, as `full_in` of its buffer says. `cert_expires_within`: the certificates that its leaf has end. `agent_silent_for`: an agent
   * has said nothing. `drifted_for`: it reports to run something else than it should. `check_failing_for`: a check of an agent’s fails.
   */
  @IsIn(ALERT_KINDS)
  @ApiProperty({ enum: ALERT_KINDS, enumName: 'AlertKind', example: 'disconnected_for' })
  kind!: AlertKind;

  /**
   * Seconds: of `…_for` how long it lasts, of `…_within` how soon it comes. At least two heartbeats of agents, 60 seconds, for `agent_silent_for`.
   * @example 300
   */
  @IsInt()
  @Min(10)
  @Max(YEAR)
  threshold!: number;

  @IsIn(SEVERITIES)
  @ApiProperty({ enum: SEVERITIES, enumName: 'AlertSeverity', example: 'critical' })
  severity!: AlertSeverity;

  /**
   * A rule that is not enabled watches nothing; its alerts are resolved.
   * @example true
   */
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;

  /**
   * Seconds that it must be over before the alert resolves. A link that was back for less has not ended a disconnect: many short ones are one alert.
   * 60 when absent, or the threshold if that is less.
   * @example 60
   */
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(24 * 60 * 60)
  resolve_after?: number;

  /**
   * Labels that a site must have, all of them, to be watched; every site is when absent or empty.
   * @example { "region": "us-east" }
   */
  @MayBeAbsent()
  @IsLabels()
  label_selector?: Record<string, string>;

  /**
   * Of `check_failing_for`: names of the checks that count; all do when absent or empty.
   * @example ["web"]
   */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(64)
  @ArrayUnique()
  @IsDisplayName({ each: true })
  checks?: string[];

  /**
   * Of `disconnected_for`: whether a leaf counts that has been provisioned for as long, and has never connected.
   * @example false
   */
  @MayBeAbsent()
  @IsBoolean()
  includes_never_connected?: boolean;

  /**
   * The channels that are told. Nobody is when absent or empty.
   * @example ["01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed1"]
   */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(16)
  @ArrayUnique()
  @IsUUID(undefined, { each: true })
  channel_ids?: string[];
}

export class UpdateAlertRuleDto extends PartialType(OmitType(CreateAlertRuleDto, ['kind']), { skipNullProperties: false }) {}

export class AlertRuleDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed2" */
  id!: string;

  /** @example "Plants offline" */
  name!: string;

  @ApiProperty({ enum: ALERT_KINDS, enumName: 'AlertKind', example: 'disconnected_for' })
  kind!: AlertKind;

  /** @example 300 */
  threshold!: number;

  @ApiProperty({ enum: SEVERITIES, enumName: 'AlertSeverity', example: 'critical' })
  severity!: AlertSeverity;

  /** @example true */
  enabled!: boolean;

  /** @example 60 */
  resolve_after!: number;

  /** @example { "region": "us-east" } */
  label_selector!: Record<string, string>;

  /** @example ["web"] */
  checks!: string[];

  /** @example false */
  includes_never_connected!: boolean;

  /** @example ["01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed1"] */
  channel_ids!: string[];

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  updated_at!: string;
}

export const toRuleSettings = (body: CreateAlertRuleDto): RuleSettings => ({
  name: body.name,
  kind: body.kind,
  threshold: body.threshold,
  severity: body.severity,
  enabled: body.enabled ?? true,
  resolveAfter: body.resolve_after ?? Math.min(RESOLVE_AFTER, body.threshold),
  labelSelector: body.label_selector ?? {},
  checks: body.checks ?? [],
  includesNeverConnected: body.includes_never_connected ?? false,
  channelIds: idsOf(body.channel_ids) ?? [],
});

export const toRuleChanges = (body: UpdateAlertRuleDto): RuleChanges => ({
  name: body.name,
  threshold: body.threshold,
  severity: body.severity,
  enabled: body.enabled,
  resolveAfter: body.resolve_after,
  labelSelector: body.label_selector,
  checks: body.checks,
  includesNeverConnected: body.includes_never_connected,
  channelIds: idsOf(body.channel_ids),
});

/** As the database writes them. */
const idsOf = (ids: string[] | undefined) => ids?.map((id) => id.toLowerCase());

export const toAlertRuleDto = (rule: AlertRule): AlertRuleDto => ({
  id: rule.id,
  name: rule.name,
  kind: rule.kind,
  threshold: rule.threshold,
  severity: rule.severity,
  enabled: rule.enabled,
  resolve_after: rule.resolveAfter,
  label_selector: rule.labelSelector,
  checks: rule.checks,
  includes_never_connected: rule.includesNeverConnected,
  channel_ids: rule.channelIds,
  created_at: rule.createdAt.toISOString(),
  updated_at: rule.updatedAt.toISOString(),
});
