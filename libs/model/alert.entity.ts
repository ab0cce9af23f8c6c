import type { AlertKind, AlertSeverity } from '#libs/alerts';
import { type AlertEvent, alertLifecycle, type AlertStatus } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

/** Why an alert is resolved: it is over; or nobody watches for it any more. */
export type AlertResolution = 'recovered' | 'not_watched' | 'rule_deleted' | 'site_deleted';

const schema = defineEntity({
  name: 'Alert',
  tableName: 'alerts',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    /** Null when it is gone. */
    alertRuleId: p.uuid().nullable(),
    /** Null when it is gone. */
    edgeSiteId: p.uuid().nullable(),

    // As they were when it opened.
    ruleName: p.string(),
    kind: p.string().$type<AlertKind>(),
    severity: p.string().$type<AlertSeverity>(),
    siteName: p.string(),
    siteSlug: p.string(),
    summary: p.string(),
    detail: p.json<Record<string, unknown>>(),
    since: p.datetime(),
    openedAt: p.datetime(),

    status: p.string().$type<AlertStatus>(),
    version: p.integer().version(),
    /** Seconds that the threshold is held against, as of the last minute; as of the end when it is resolved. */
    lastValue: p.integer(),
    /** Since when what it is about has been over; null while it is not. */
    clearSince: p.datetime().nullable(),
    /** The channels whose deliveries that say that it opened are on record. */
    toldChannelIds: p.array(),
    acknowledgedAt: p.datetime().nullable(),
    acknowledgedBy: p.string().nullable(),
    resolvedAt: p.datetime().nullable(),
    resolution: p.string().$type<AlertResolution>().nullable(),
    updatedAt: p.datetime(),
  },
});

/** That something a rule watches has come at a site. Of a rule and a site, one at most is not resolved. */
export class Alert extends schema.class {
  apply(event: AlertEvent): void {
    this.status = alertLifecycle.next(this.status, event);
  }

  acknowledge(by: string, at: Date): void {
    this.apply('ACKNOWLEDGE');
    this.acknowledgedAt = at;
    this.acknowledgedBy = by;
    this.updatedAt = at;
  }

  resolve(resolution: AlertResolution, at: Date): void {
    this.apply('RESOLVE');
    this.resolvedAt = at;
    this.resolution = resolution;
    this.updatedAt = at;
  }
}
schema.setClass(Alert);
