import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'AlertSilence',
  tableName: 'alert_silences',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    /** Null is any rule. */
    alertRuleId: p.uuid().nullable(),
    /** Null is any site. */
    edgeSiteId: p.uuid().nullable(),
    labelSelector: p.json<Record<string, string>>(),
    until: p.datetime(),
    reason: p.string(),
    createdBy: p.string(),
    createdAt: p.datetime(),
  },
});

/** For whose alerts nobody is told for a while. */
export class AlertSilence extends schema.class {}
schema.setClass(AlertSilence);
