import { type NatsLeafServerEvent, type NatsLeafServerStatus, natsLeafServerLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'NatsLeafServer',
  tableName: 'nats_leaf_servers',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    edgeSiteId: p.uuid(),
    status: p.string().$type<NatsLeafServerStatus>(),
    version: p.integer().version(),

    // What it should be.
    upstreamUrl: p.string(),
    localListen: p.string(),
    monitorPort: p.integer(),
    jetstreamDomain: p.string(),
    jetstreamMaxMemoryBytes: p.bigint('number'),
    jetstreamMaxFileBytes: p.bigint('number'),
    /** Each message is on disk before it is acknowledged; safe against a power cut, slower. */
    jetstreamSyncAlways: p.boolean(),
    generation: p.integer(),

    // What was provisioned, frozen: the same generation gives the same bundle, whatever version of the service serves it.
    provisionedGeneration: p.integer().nullable(),
    provisionedAt: p.datetime().nullable(),
    configChecksum: p.string().nullable(),
    leafCertPem: p.text().nullable(),
    leafKeyPemCiphertext: p.text().nullable(),
    serverCertPem: p.text().nullable(),
    serverKeyPemCiphertext: p.text().nullable(),
    caChainPem: p.text().nullable(),
    tenantCaPem: p.text().nullable(),
    credsCiphertext: p.text().nullable(),
    certExpiresAt: p.datetime().nullable(),
    /** Path in the bundle to text, of all files that hold no secret. */
    bundleFiles: p.json<Record<string, string>>().nullable().lazy(),
    lastError: p.text().nullable(),

    // What the hub sees.
    connectedGeneration: p.integer().nullable(),
    /** Which connection of which hub server it is: a late DISCONNECT of an older one changes nothing. */
    linkId: p.string().nullable(),
    connectedAt: p.datetime().nullable(),
    disconnectedAt: p.datetime().nullable(),

    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});

/** The NATS server at an edge site that buffers locally and forwards upstream. */
export class NatsLeafServer extends schema.class {
  apply(event: NatsLeafServerEvent): void {
    this.status = natsLeafServerLifecycle.next(this.status, event);
  }
}
schema.setClass(NatsLeafServer);
