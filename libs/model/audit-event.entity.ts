import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

/** Whether it was done, or somebody tried and may not. */
export type AuditOutcome = 'done' | 'refused';

const schema = defineEntity({
  name: 'AuditEvent',
  tableName: 'audit_events',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid().nullable(),
    at: p.datetime(),
    /** Who: `api_key:<id>`, `download_token:<id>` or `system:<part>`. */
    actor: p.string(),
    /** What, as `<noun>.<verb>`. */
    action: p.string(),
    subjectType: p.string(),
    subjectId: p.uuid().nullable(),
    requestId: p.string().nullable(),
    sourceAddress: p.string().nullable(),
    outcome: p.string().$type<AuditOutcome>(),
    /** Never a secret. */
    detail: p.json<Record<string, unknown>>(),
  },
});

/** One thing that somebody did, or was refused. Rows of deeds are added in the transaction of what they tell of, and no row is ever changed. */
export class AuditEvent extends schema.class {}
schema.setClass(AuditEvent);
