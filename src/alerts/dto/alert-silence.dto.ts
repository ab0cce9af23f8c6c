import { IsISO8601, IsUUID, Matches } from 'class-validator';
import type { AlertSilence } from '#libs/model';
import { IsDisplayName, IsLabels, MayBeAbsent, RFC_3339 } from '../../platform/validation/index.js';
import type { NewSilence } from '../alert-silences.service.js';

export class CreateAlertSilenceDto {
  /**
   * The rule whose alerts are silenced; those of any rule when absent.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed2"
   */
  @MayBeAbsent()
  @IsUUID()
  rule_id?: string;

  /**
   * The site whose alerts are silenced; those of any site when absent.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  @MayBeAbsent()
  @IsUUID()
  edge_site_id?: string;

  /**
   * Labels that a site must have, all of them, for its alerts to be silenced; any site will do when absent or empty.
   * @example { "region": "us-east" }
   */
  @MayBeAbsent()
  @IsLabels()
  label_selector?: Record<string, string>;

  /**
   * Until when nobody is told, at most 90 days from now. Of alerts that are open by then, people are told.
   * @example "2026-11-24T18:00:00.000Z"
   */
  @Matches(RFC_3339, { message: 'until must be a time as 2026-11-24T18:00:00Z (RFC 3339)' })
  @IsISO8601({ strict: true })
  until!: string;

  /**
   * Why. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "The power of the plant is worked on"
   */
  @IsDisplayName()
  reason!: string;
}

export class AlertSilenceDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed5" */
  id!: string;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed2" */
  rule_id!: string | null;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  edge_site_id!: string | null;

  /** @example { "region": "us-east" } */
  label_selector!: Record<string, string>;

  /** @example "2026-11-24T18:00:00.000Z" */
  until!: string;

  /** @example "The power of the plant is worked on" */
  reason!: string;

  /**
   * Who: `api_key:<id>` or `user:<sub>`.
   * @example "api_key:01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f"
   */
  created_by!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;
}

export const toNewSilence = (body: CreateAlertSilenceDto): NewSilence => ({
  alertRuleId: body.rule_id ?? null,
  edgeSiteId: body.edge_site_id ?? null,
  labelSelector: body.label_selector ?? {},
  until: new Date(body.until),
  reason: body.reason,
});

export const toAlertSilenceDto = (silence: AlertSilence): AlertSilenceDto => ({
  id: silence.id,
  rule_id: silence.alertRuleId ?? null,
  edge_site_id: silence.edgeSiteId ?? null,
  label_selector: silence.labelSelector,
  until: silence.until.toISOString(),
  reason: silence.reason,
  created_by: silence.createdBy,
  created_at: silence.createdAt.toISOString(),
});
