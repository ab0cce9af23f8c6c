import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type TenantCaStatus = 'next' | 'active' | 'retiring' | 'retired' | 'revoked';
export type TenantCaEvent = 'ACTIVATE' | 'RETIRE' | 'EXPIRE' | 'REVOKE';

/** One CA of a tenant is active and signs; a retiring one is still trusted until what it signed has run out. */
export const tenantCaLifecycle = lifecycle<TenantCaStatus, TenantCaEvent>(
  'tenant CA',
  createMachine({
    id: 'tenant-ca',
    initial: 'next',
    states: {
      next: { on: { ACTIVATE: 'active', REVOKE: 'revoked' } },
      active: { on: { RETIRE: 'retiring', REVOKE: 'revoked' } },
      retiring: { on: { EXPIRE: 'retired', REVOKE: 'revoked' } },
      retired: { on: { REVOKE: 'revoked' } },
      revoked: {},
    },
  }),
);
