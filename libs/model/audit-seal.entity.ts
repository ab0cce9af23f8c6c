import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'AuditSeal',
  tableName: 'audit_seals',
  ...tenantOwned,
  properties: {
    eventId: p.uuid().primary(),
    tenantId: p.uuid().nullable(),
    /** Place in the chain of the tenant, or of the platform, from 1 on. */
    sequence: p.bigint('number'),
    sealedAt: p.datetime(),
    /** SHA-256 of the audit row. */
    rowHash: p.blob(),
    /** SHA-256 of all this and the hash of the seal before. */
    hash: p.blob(),
  },
});

/** Binds an audit row to all before it. The database writes it, soon after the row. */
export class AuditSeal extends schema.class {}
schema.setClass(AuditSeal);
