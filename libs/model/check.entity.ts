import type { CheckType } from '#libs/contracts';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

/** What people can have checked. The leaf is checked without being asked. */
export type SiteCheckType = Exclude<CheckType, 'nats_leaf'>;

const schema = defineEntity({
  name: 'Check',
  tableName: 'checks',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    edgeSiteId: p.uuid(),
    version: p.integer().version(),
    /** Unique in its site. */
    name: p.string(),
    checkType: p.string().$type<SiteCheckType>(),
    enabled: p.boolean(),
    /** Seconds. */
    intervalSec: p.integer(),
    /** Seconds. */
    timeoutSec: p.integer(),
    /** A host, or the name of a process. */
    target: p.string(),
    /** Null where the type has no port; and so below. */
    port: p.integer().nullable(),
    path: p.string().nullable(),
    method: p.string().nullable(),
    settings: p.json<Record<string, string>>(),
    /** Whether what it finds each time goes into the tenant's stream. */
    publishResults: p.boolean(),
    /** Goes up with each change. */
    settingsVersion: p.integer(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});

/** Something that the agents of a site look at, and say how it is. */
export class Check extends schema.class {}
schema.setClass(Check);
