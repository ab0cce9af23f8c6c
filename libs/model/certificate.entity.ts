import { type SignedArtifactEvent, type SignedArtifactStatus, signedArtifactLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

export type CertificateKind = 'leaf' | 'leaf_listener' | 'collector' | 'agent' | 'service';

const schema = defineEntity({
  name: 'Certificate',
  tableName: 'certificates',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    /** Null for certificates of the platform's own services. */
    tenantId: p.uuid().nullable(),
    issuerId: p.uuid(),
    kind: p.string().$type<CertificateKind>(),
    status: p.string().$type<SignedArtifactStatus>(),
    version: p.integer().version(),
    serialNumber: p.string(),
    commonName: p.string().nullable(),
    spiffeId: p.string().nullable(),
    notBefore: p.datetime(),
    notAfter: p.datetime(),
    /** The profile as it was checked, before anything was signed. */
    intent: p.json<Record<string, unknown>>(),
    certificatePem: p.text().nullable(),
    revokedAt: p.datetime().nullable(),
    revocationReason: p.string().nullable(),
    edgeSiteId: p.uuid().nullable(),
    generation: p.integer().nullable(),
    collectorPackageId: p.uuid().nullable(),
    onboardingPackageId: p.uuid().nullable(),
    createdAt: p.datetime(),
  },
});

/** A certificate that was signed, or that was going to be: its serial is on record before the signature is made. */
export class Certificate extends schema.class {
  apply(event: SignedArtifactEvent): void {
    this.status = signedArtifactLifecycle.next(this.status, event);
  }
}
schema.setClass(Certificate);
