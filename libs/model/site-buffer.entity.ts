import { defineEntity, p } from '@mikro-orm/core';
import type { BufferDiscard } from './edge-site.entity.js';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'SiteBuffer',
  tableName: 'site_buffers',
  ...tenantOwned,
  properties: {
    edgeSiteId: p.uuid().primary(),
    tenantId: p.uuid(),
    measuredAt: p.datetime(),
    /** The leaf's connection to the hub that it was measured over. */
    linkId: p.string(),
    /** Who asked for it to be measured, and waits for that. */
    requestId: p.uuid().nullable(),

    // What the leaf's stream holds, and what of it the hub has not got yet: see BufferMeasure of libs/nats.
    messages: p.bigint('number'),
    bytes: p.bigint('number'),
    lastSequence: p.bigint('number'),
    forwardedSequence: p.bigint('number').nullable(),
    waitingMessages: p.bigint('number'),
    waitingBytes: p.bigint('number'),
    oldestAgeMs: p.bigint('number').nullable(),
    messageRate: p.float(),
    byteRate: p.float(),
    rateSpan: p.float(),
    /** When the stream was made, and when the leaf said all this: by the leaf's clock. */
    streamCreatedAt: p.datetime(),
    leafTime: p.datetime(),

    // The limits of the leaf's stream.
    maxAgeMs: p.bigint('number'),
    /** -1 is unlimited. */
    maxBytes: p.bigint('number'),
    discard: p.string().$type<BufferDiscard>(),
  },
});

/** What a site's leaf held when it was last asked. */
export class SiteBuffer extends schema.class {}
schema.setClass(SiteBuffer);
