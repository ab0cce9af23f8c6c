import { defineEntity, p } from '@mikro-orm/core';
import { tenantItself } from './tenant-owned.js';

const schema = defineEntity({
  name: 'Tenant',
  tableName: 'tenants',
  ...tenantItself,
  properties: {
    id: p.uuid().primary(),
    slug: p.string(),
    name: p.string(),
    createdAt: p.datetime(),
  },
});

/** A customer. Its slug stands in certificate names and never changes. */
export class Tenant extends schema.class {}
schema.setClass(Tenant);
