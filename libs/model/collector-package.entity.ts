import type { CollectorType } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
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
    /** Grows with each retry and renewal: what an earlier attempt makes is not kept. */
    attempt: p.integer(),
    lastError: p.text().nullable(),
    /** One certificate and NATS user; which is wanted. As the generations below, 1 from the start: the status says what has been there. */
    generation: p.integer(),
    provisionedGeneration: p.integer(),
    /** Of the bundle that was downloaded last. */
    downloadedGeneration: p.integer(),
    /** The newest that its collector was seen with. */
    installedGeneration: p.integer(),

    // What was provisioned: the collector's identity, which stays until it is renewed, while its configuration changes with the address of its leaf.
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

  /** Whether a generation after the first is wanted that is not made yet. The one before is handed out meanwhile. */
  get renewing(): boolean {
    return this.provisionedGeneration < this.generation;
  }

  startProvisioning(at: Date): void {
    // A run that was cut short is run again.
    if (this.status === 'pending') this.apply('PROVISION');
    this.updatedAt = at;
  }

  provision(made: ProvisionedCollector, at: Date): void {
    if (!this.renewing) this.apply('READY');
    Object.assign(this, made, { provisionedGeneration: this.generation, provisionedAt: at, lastError: null, updatedAt: at });
  }

  /** Why provisioning cannot succeed by being tried again. A package that was being renewed stays what it is. */
  fail(reason: string, at: Date): void {
    if (!this.renewing) this.apply('FAIL');
    this.lastError = reason;
    this.updatedAt = at;
  }

  retry(at: Date): void {
    this.apply('RETRY');
    this.attempt += 1;
    this.lastError = null;
    this.updatedAt = at;
  }

  /**
   * Asks for the next generation; the one before works until the new one was seen at work.
   * @throws DomainError `illegal_transition` before there is a first one, while another is being made, and when it is revoked
   */
  renew(at: Date): void {
    this.apply('RENEW');
    if (this.renewing && this.lastError === null) {
      throw new DomainError('illegal_transition', `Generation ${this.generation} of the collector package is being made already. Wait until it is provisioned.`);
    }
    this.generation += 1;
    this.attempt += 1;
    this.lastError = null;
    this.updatedAt = at;
  }

  /** @param natsUrl what the configuration dials that is handed out */
  download(natsUrl: string, at: Date): void {
    // It may be fetched again, with the newest configuration.
    if (this.status === 'ready') this.apply('DOWNLOAD');
    this.downloadedNatsUrl = natsUrl;
    this.downloadedGeneration = this.provisionedGeneration;
    this.downloadedAt = at;
    this.updatedAt = at;
  }

  /**
   * Its collector has been seen at work. That stays so, whatever is downloaded later.
   * @returns whether it was seen with this generation for the first time
   */
  install(generation: number, at: Date): boolean {
    const isFirst = this.status === 'downloaded';
    if (!isFirst && (this.status !== 'installed' || generation <= this.installedGeneration)) return false;
    if (isFirst) {
      this.apply('INSTALL');
      this.installedAt = at;
    }
    this.installedGeneration = generation;
    this.updatedAt = at;
    return true;
  }

  revoke(at: Date): void {
    this.apply('REVOKE');
    this.revokedAt = at;
    this.updatedAt = at;
  }

  /**
   * Whether what was downloaded dials something else than it should by now, or was renewed since.
   * @param natsUrl what it should dial; null when nobody has said
   */
  isOutdated(natsUrl: string | null): boolean {
    if (this.status !== 'downloaded' && this.status !== 'installed') return false;
    return this.downloadedNatsUrl !== natsUrl || this.downloadedGeneration < this.provisionedGeneration;
  }
}
schema.setClass(CollectorPackage);
