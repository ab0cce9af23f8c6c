import type { AlertKind, AlertSeverity, WatchingRule } from '#libs/alerts';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'AlertRule',
  tableName: 'alert_rules',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    name: p.string(),
    kind: p.string().$type<AlertKind>(),
    /** One that is not watches nothing, and its alerts are resolved. */
    enabled: p.boolean(),
    severity: p.string().$type<AlertSeverity>(),
    /** Seconds. */
    threshold: p.integer(),
    /** Seconds: see `WatchingRule` of libs/alerts, as for the rest. */
    resolveAfter: p.integer(),
    labelSelector: p.json<Record<string, string>>(),
    checks: p.array(),
    includesNeverConnected: p.boolean(),
    /** Who is told. */
    channelIds: p.array(),
    /** Goes up with each change. */
    settingsVersion: p.integer(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});

/** What a tenant wants to be told of its sites. */
export class AlertRule extends schema.class implements WatchingRule {}
schema.setClass(AlertRule);
