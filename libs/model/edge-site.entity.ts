import { type EdgeSiteEvent, type EdgeSiteStatus, edgeSiteLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

/** The oldest messages, or what comes, whose publishers are told. */
export type BufferDiscard = 'old' | 'new';

const schema = defineEntity({
  name: 'EdgeSite',
  tableName: 'edge_sites',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    status: p.string().$type<EdgeSiteStatus>(),
    version: p.integer().version(),
    name: p.string(),
    slug: p.string(),
    /** What collectors of the site dial; its host stands in the listener's certificate. */
    natsLeafUrl: p.string().nullable(),
    labels: p.json<Record<string, string>>(),
    serverSans: p.json<string[]>(),
    /** Seconds that the leaf keeps messages for. */
    bufferMaxAge: p.integer(),
    /** Bytes of messages that the leaf keeps; null is as many as its JetStream has room for. */
    bufferMaxBytes: p.bigint('number').nullable(),
    /** What goes when that is full. */
    bufferDiscard: p.string().$type<BufferDiscard>(),
    /** Goes up with each change that somebody asks for, not when its status changes. */
    settingsVersion: p.integer(),
    lastSeenAt: p.datetime().nullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});

/** A place of a tenant's where collectors run, with one NATS leaf. */
export class EdgeSite extends schema.class {
  /** As access rules ask for them, of a site as of what belongs to one. */
  get siteLabels(): Record<string, string> {
    return this.labels;
  }

  apply(event: EdgeSiteEvent): void {
    this.status = edgeSiteLifecycle.next(this.status, event);
  }

  /** The leaf is connected to the hub. */
  comeOnline(at: Date): void {
    this.lastSeenAt = at;
    if (this.status === 'pending') this.apply('ACTIVATE');
    if (this.status === 'offline') this.apply('COME_ONLINE');
  }

  goOffline(at: Date): void {
    this.lastSeenAt = at;
    if (this.status === 'active') this.apply('GO_OFFLINE');
  }
}
schema.setClass(EdgeSite);
