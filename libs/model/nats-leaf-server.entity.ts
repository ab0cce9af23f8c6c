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

    // What was provisioned, frozen: the same generation gives the same bundle, whatever version of the service serves it. Large, and read by few.
    provisionedGeneration: p.integer().nullable(),
    provisionedAt: p.datetime().nullable(),
    configChecksum: p.string().nullable(),
    leafCertPem: p.text().nullable().lazy(),
    leafKeyPemCiphertext: p.text().nullable().lazy(),
    serverCertPem: p.text().nullable().lazy(),
    serverKeyPemCiphertext: p.text().nullable().lazy(),
    caChainPem: p.text().nullable().lazy(),
    tenantCaPem: p.text().nullable().lazy(),
    /** The tenant's CA that signed its certificates. */
    caId: p.uuid().nullable(),
    /** The tenant's CAs that its listener takes collectors of. */
    trustedCaIds: p.array().nullable(),
    credsCiphertext: p.text().nullable().lazy(),
    controlCredsCiphertext: p.text().nullable().lazy(),
    certExpiresAt: p.datetime().nullable(),
    /** The archive that sites download, packed once and sealed. */
    bundleCiphertext: p.blob().$type<Buffer>().nullable().lazy(),
    lastError: p.text().nullable(),

    // What the hub sees.
    connectedGeneration: p.integer().nullable(),
    /** The generation that connected last, which the site has whether it is connected or not; null until one has. */
    installedGeneration: p.integer().nullable(),
    /** Until when its certificates are good; null when it was no longer the newest when it first connected. */
    installedCertExpiresAt: p.datetime().nullable(),
    /** Its `configChecksum`; null as above. */
    installedChecksum: p.string().nullable(),
    /** Its `trustedCaIds`; null as above. */
    installedTrustedCaIds: p.array().nullable(),
    /** Which connection of which hub server it is: a late DISCONNECT of an older one changes nothing. */
    linkId: p.string().nullable(),
    connectedAt: p.datetime().nullable(),
    disconnectedAt: p.datetime().nullable(),
    /** Why it went then, in the hub's words; null when the hub did not say. */
    disconnectReason: p.string().nullable(),

    /** The stream of the tenant at the hub that sources the site, for good: 0 is `events` itself. Null until it has connected. */
    hubShard: p.integer().nullable(),
    /** Its source, while that is kept out of the hub's stream: a `RestingSource` of `libs/nats`, but for the time. */
    restingSource: p.json<object>().nullable(),
    /** How long it is kept out; null while it stands, and as long as it may not be out yet. */
    sourceRestsUntil: p.datetime().nullable(),

    // What the site reports.
    runningChecksum: p.string().nullable(),
    /** Since when its reports have named something that it should not run; null when the last one did not. */
    driftedSince: p.datetime().nullable(),

    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});

/** What provisioning made, all of one generation. */
export interface ProvisionedLeaf {
  leafCertPem: string;
  leafKeyPemCiphertext: string;
  serverCertPem: string;
  serverKeyPemCiphertext: string;
  caChainPem: string;
  tenantCaPem: string;
  caId: string;
  trustedCaIds: string[];
  credsCiphertext: string;
  controlCredsCiphertext: string;
  certExpiresAt: Date;
  bundleCiphertext: Buffer;
  configChecksum: string;
}

/** One connection of a leaf to the hub. */
export interface LeafLink {
  /** The generation of the credentials it connected with. */
  generation: number;
  linkId: string;
  at: Date;
}

/** The link as a hub of nats-server 2.10 lists it: it tells which of its servers has the link, and not which link it is. */
export const unnumbered = (linkId: string): string => linkId.replace(/:[^:]*$/, ':?');

/** The NATS server at an edge site that buffers locally and forwards upstream. */
export class NatsLeafServer extends schema.class {
  apply(event: NatsLeafServerEvent): void {
    this.status = natsLeafServerLifecycle.next(this.status, event);
  }

  /** @throws DomainError `illegal_transition` when the event is not possible now; changes nothing */
  checkPossible(event: NatsLeafServerEvent): void {
    natsLeafServerLifecycle.next(this.status, event);
  }

  /** Asks for certificates, credentials and a configuration anew; what the site runs keeps working meanwhile. */
  requestGeneration(at: Date): void {
    if (this.status !== 'pending') this.apply('REPROVISION');
    this.generation += 1;
    this.lastError = null;
    this.updatedAt = at;
  }

  provision(made: ProvisionedLeaf, at: Date): void {
    this.apply('PROVISION');
    Object.assign(this, made, { provisionedGeneration: this.generation, provisionedAt: at, lastError: null, updatedAt: at });
    // The link of the generation before outlives this.
    if (this.linkId !== null) this.apply('CONNECT');
  }

  /** Why provisioning cannot succeed by being tried again. */
  failProvisioning(reason: string, at: Date): void {
    this.lastError = reason;
    this.updatedAt = at;
  }

  link({ generation, linkId, at }: LeafLink): void {
    // The same link may have been taken for another generation's before its user was known.
    this.connectedGeneration = generation;
    this.installed(generation);
    if (this.linkId === linkId) return;
    this.linkId = linkId;
    this.connectedAt = at;
    if (natsLeafServerLifecycle.can(this.status, 'CONNECT')) this.apply('CONNECT');
  }

  /** When the first certificate ends of those that the site has; of the newest ones until a generation has connected. */
  get certInUseExpiresAt(): Date | null {
    return this.installedCertExpiresAt ?? this.certExpiresAt ?? null;
  }

  /** Takes note of what the site says that it runs. */
  report({ checksum, drifted, at }: { checksum: string; drifted: boolean; at: Date }): void {
    this.runningChecksum = checksum;
    this.driftedSince = drifted ? (this.driftedSince ?? at) : null;
  }

  private installed(generation: number): void {
    if (this.installedGeneration === generation) return;
    this.installedGeneration = generation;
    const isNewest = generation === this.provisionedGeneration;
    this.installedCertExpiresAt = isNewest ? this.certExpiresAt : null;
    this.installedChecksum = isNewest ? this.configChecksum : null;
    this.installedTrustedCaIds = isNewest ? this.trustedCaIds : null;
  }

  /** @returns whether this was the leaf's link; the end of an older one changes nothing */
  unlink(linkId: string, at: Date, reason: string | null): boolean {
    if (this.linkId !== linkId && this.linkId !== unnumbered(linkId)) return false;
    this.linkId = null;
    this.connectedGeneration = null;
    this.disconnectedAt = at;
    this.disconnectReason = reason;
    if (natsLeafServerLifecycle.can(this.status, 'DISCONNECT')) this.apply('DISCONNECT');
    return true;
  }
}
schema.setClass(NatsLeafServer);
