import { type Role } from '#libs/contracts';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    /** Null for a platform admin. */
    tenantId: p.uuid().nullable(),
    name: p.string(),
    role: p.string().$type<Role>(),
    /** What of its role it has; all of it when empty. */
    scopes: p.json<string[]>(),
    /** Labels that a site must have for the key to reach it; any site will do when empty. */
    siteLabels: p.json<Record<string, string>>(),
    /** The public part of `sr_<key id>_<secret>`. */
    keyId: p.string(),
    /** SHA-256 of the secret, hex: the secret is 32 random bytes, so there is nothing to guess and nothing to stretch. */
    secretHash: p.string(),
    expiresAt: p.datetime().nullable(),
    lastUsedAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    createdBy: p.string(),
    createdAt: p.datetime(),
  },
});

/** What a program or a person shows to call the API. */
export class ApiKey extends schema.class {}
schema.setClass(ApiKey);
