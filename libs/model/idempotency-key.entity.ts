import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'IdempotencyKey',
  tableName: 'idempotency_keys',
  ...tenantOwned,
  properties: {
    /** Of the claim: whoever takes over one that has lapsed gives the row another. */
    id: p.uuid().primary(),
    tenantId: p.uuid().nullable(),
    version: p.integer().version(),
    actor: p.string(),
    /** Method and route. */
    operation: p.string(),
    key: p.string(),
    /** SHA-256, hex: see `fingerprintOf`. */
    fingerprint: p.string(),
    /** Until when whoever claimed it may be at work. */
    claimedUntil: p.datetime(),
    /** When it was done; null as long as nothing was changed. */
    doneAt: p.datetime().nullable(),
    subjectType: p.string().nullable(),
    subjectId: p.uuid().nullable(),
    /** The answer as JSON, sealed: it may hold a secret that is shown once. */
    answerCiphertext: p.text().nullable(),
    expiresAt: p.datetime(),
  },
});

/** A request that may come again: it is done once, and answered each time. */
export class IdempotencyKey extends schema.class {}
schema.setClass(IdempotencyKey);
