import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'LeafConnection',
  tableName: 'leaf_connections',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    edgeSiteId: p.uuid(),
    /** The generation of the credentials it connected with. */
    generation: p.integer(),
    linkId: p.string(),
    connectedAt: p.datetime(),
    /** Null while it lasts. */
    disconnectedAt: p.datetime().nullable(),
    /** Why it ended, in the hub's words; null when the hub did not say. */
    reason: p.string().nullable(),
  },
});

/** One time that a leaf was connected to the hub, as the hub saw it. */
export class LeafConnection extends schema.class {
  /** The hub's own word replaces what was concluded without it. */
  end(at: Date, reason: string | null): void {
    if (this.disconnectedAt != null && reason === null) return;
    this.disconnectedAt = at;
    this.reason = reason;
  }
}
schema.setClass(LeafConnection);
