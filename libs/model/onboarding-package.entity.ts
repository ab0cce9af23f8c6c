import { type OnboardingPackageEvent, type OnboardingPackageStatus, onboardingPackageLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

export const COMPONENT_TYPES = ['gateway', 'agent', 'checker', 'sync'] as const;

/** What is onboarded. */
export type ComponentType = (typeof COMPONENT_TYPES)[number];

const schema = defineEntity({
  name: 'OnboardingPackage',
  tableName: 'onboarding_packages',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    status: p.string().$type<OnboardingPackageStatus>(),
    version: p.integer().version(),
    /** What people call it. */
    label: p.string(),
    componentType: p.string().$type<ComponentType>(),
    /** The component's own id, unique in its site: it stands in the certificate. */
    componentId: p.string(),
    /** Null when the site is gone. */
    edgeSiteId: p.uuid().nullable(),
    certPem: p.text().lazy(),
    /** As it was then. Bundles have the chain of the day; the version before reads this one during an upgrade. */
    caChainPem: p.text().lazy(),
    keyPemCiphertext: p.text().lazy(),
    certExpiresAt: p.datetime(),
    /** Until when it must have been activated. */
    expiresAt: p.datetime(),
    deliveredAt: p.datetime().nullable(),
    activatedAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});

/** A component's certificate and the way to its gateway, on the way to its host. */
export class OnboardingPackage extends schema.class {
  apply(event: OnboardingPackageEvent): void {
    this.status = onboardingPackageLifecycle.next(this.status, event);
  }

  deliver(at: Date): void {
    // It may be fetched again before it is activated.
    if (this.status === 'issued') this.apply('DELIVER');
    this.deliveredAt ??= at;
    this.updatedAt = at;
  }

  activate(at: Date): void {
    this.apply('ACTIVATE');
    this.activatedAt = at;
    this.updatedAt = at;
  }

  /** Its component has a new certificate. @param expiresAt when that ends */
  renew(expiresAt: Date, at: Date): void {
    this.certExpiresAt = expiresAt;
    this.updatedAt = at;
  }

  expire(at: Date): void {
    this.apply('EXPIRE');
    this.updatedAt = at;
  }

  revoke(at: Date): void {
    this.apply('REVOKE');
    this.revokedAt = at;
    this.updatedAt = at;
  }
}
schema.setClass(OnboardingPackage);
