import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

export type DownloadPurpose = 'edge_site_bundle' | 'collector_bundle' | 'onboarding_bundle';

const schema = defineEntity({
  name: 'DownloadToken',
  tableName: 'download_tokens',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    purpose: p.string().$type<DownloadPurpose>(),
    objectId: p.uuid(),
    /** SHA-256 of the secret, hex. The secret itself is nowhere. */
    secretHash: p.string(),
    expiresAt: p.datetime(),
    usedAt: p.datetime().nullable(),
    usedFrom: p.string().nullable(),
    /** SHA-256 of what the client calls its attempt, hex; null when it calls it nothing. */
    attemptHash: p.string().nullable(),
    /** Of the bundle that was handed out. */
    usedGeneration: p.integer().nullable(),
    createdBy: p.string(),
    createdAt: p.datetime(),
  },
});

/** Lets whoever holds it download one object, once; whoever did may start over for a short while. */
export class DownloadToken extends schema.class {}
schema.setClass(DownloadToken);
