import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'TenantStream',
  tableName: 'tenant_streams',
  ...tenantOwned,
  properties: {
    tenantId: p.uuid().primary(),
    /** Subjects and patterns, besides those of the collectors. */
    addedSubjects: p.json<string[]>(),
    /** Goes up with each change. */
    settingsVersion: p.integer(),
    updatedAt: p.datetime(),
  },
});

/** What a tenant wants its streams to store; without a row, what the collectors publish. */
export class TenantStream extends schema.class {}
schema.setClass(TenantStream);
