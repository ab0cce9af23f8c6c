import { type TenantCaEvent, type TenantCaStatus, tenantCaLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'TenantCa',
  tableName: 'tenant_cas',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    status: p.string().$type<TenantCaStatus>(),
    version: p.integer().version(),
    serialNumber: p.string(),
    certificatePem: p.text(),
    privateKeyCiphertext: p.text(),
    notBefore: p.datetime(),
    notAfter: p.datetime(),
    /** CRL number (RFC 5280, section 5.2.3) of the newest list made; grows with each. */
    crlNumber: p.integer().default(0),
    createdAt: p.datetime(),
  },
});

/** A tenant's own intermediate CA. One is active at a time. */
export class TenantCa extends schema.class {
  apply(event: TenantCaEvent): void {
    this.status = tenantCaLifecycle.next(this.status, event);
  }

  /** @throws DomainError `illegal_transition` when the event is not possible now; changes nothing */
  checkPossible(event: TenantCaEvent): void {
    tenantCaLifecycle.next(this.status, event);
  }
}
schema.setClass(TenantCa);
