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
    createdBy: p.string(),
    createdAt: p.datetime(),
  },
});

/** Lets whoever holds it download one object, once. */
export class DownloadToken extends schema.class {}
schema.setClass(DownloadToken);
