import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'LeafControlLink',
  tableName: 'leaf_control_links',
  ...tenantOwned,
  properties: {
    edgeSiteId: p.uuid().primary(),
    tenantId: p.uuid(),
    /** Which connection of which hub server it is, as for the link that carries the leaf's messages. */
    linkId: p.string(),
    /** The revision of the tenant's account that the leaf has confirmed over this link; null when it has confirmed none. */
    accountRevision: p.integer().nullable(),
    connectedAt: p.datetime(),
  },
});

/** A leaf's connection to the tenant's control account, there for as long as it lasts. */
export class LeafControlLink extends schema.class {}
schema.setClass(LeafControlLink);
