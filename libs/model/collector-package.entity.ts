import type { CollectorType } from '#libs/contracts';
import { type CollectorPackageEvent, type CollectorPackageStatus, collectorPackageLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'CollectorPackage',
  tableName: 'collector_packages',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    status: p.string().$type<CollectorPackageStatus>(),
    version: p.integer().version(),
    collectorType: p.string().$type<CollectorType>(),
    /** Made of type, site and chance: the collector's name in its certificate, and its NATS user's. */
    userName: p.string(),
    /** Where it runs, in the words of people. */
    site: p.string().nullable(),
    /** Stands in its certificate, for those who send to it. */
    hostname: p.string().nullable(),
    /** Null for a collector that dials the hub. */
    edgeSiteId: p.uuid().nullable(),
    configOverrides: p.json<Record<string, string | number | boolean>>(),
    /** Grows with each retry: what an earlier attempt makes is not kept. */
    attempt: p.integer(),
    lastError: p.text().nullable(),

    // What was provisioned: the collector's identity, which stays while its configuration changes with the address of its leaf.
    certPem: p.text().nullable().lazy(),
    /** As it was then. Bundles have the chain of the day; the version before reads this one during an upgrade. */
    caChainPem: p.text().nullable().lazy(),
    keyPemCiphertext: p.text().nullable().lazy(),
    credsCiphertext: p.text().nullable().lazy(),
    certExpiresAt: p.datetime().nullable(),
    provisionedAt: p.datetime().nullable(),

    /** What the configuration that was last downloaded dials. */
    downloadedNatsUrl: p.string().nullable(),
    downloadedAt: p.datetime().nullable(),
    installedAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});

/** What provisioning made. */
export interface ProvisionedCollector {
  certPem: string;
  caChainPem: string;
  keyPemCiphertext: string;
  credsCiphertext: string;
  certExpiresAt: Date;
}

/** A collector's certificate, NATS user and configuration, on the way to its host. */
export class CollectorPackage extends schema.class {
  apply(event: CollectorPackageEvent): void {
    this.status = collectorPackageLifecycle.next(this.status, event);
  }

  startProvisioning(at: Date): void {
    // A run that was cut short is run again.
    if (this.status !== 'provisioning') this.apply('PROVISION');
    this.updatedAt = at;
  }

  provision(made: ProvisionedCollector, at: Date): void {
    this.apply('READY');
    Object.assign(this, made, { provisionedAt: at, lastError: null, updatedAt: at });
  }

  /** Why provisioning cannot succeed by being tried again. */
  fail(reason: string, at: Date): void {
    this.apply('FAIL');
    this.lastError = reason;
    this.updatedAt = at;
  }

  retry(at: Date): void {
    this.apply('RETRY');
    this.attempt += 1;
    this.lastError = null;
    this.updatedAt = at;
  }

  /** @param natsUrl what the configuration dials that is handed out */
  download(natsUrl: string, at: Date): void {
    // It may be fetched again, with the newest configuration.
    if (this.status === 'ready') this.apply('DOWNLOAD');
    this.downloadedNatsUrl = natsUrl;
    this.downloadedAt = at;
    this.updatedAt = at;
  }

  /** Its collector has been seen at work. That stays so, whatever is downloaded later. */
  install(at: Date): void {
    this.apply('INSTALL');
    this.installedAt = at;
    this.updatedAt = at;
  }

  revoke(at: Date): void {
    this.apply('REVOKE');
    this.revokedAt = at;
    this.updatedAt = at;
  }

  /**
   * Whether what was downloaded dials something else than it should by now.
   * @param natsUrl what it should dial; null when nobody has said
   */
  isOutdated(natsUrl: string | null): boolean {
    return (this.status === 'downloaded' || this.status === 'installed') && this.downloadedNatsUrl !== natsUrl;
  }
}
schema.setClass(CollectorPackage);
