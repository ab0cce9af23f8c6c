import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type CollectorPackageStatus = 'pending' | 'provisioning' | 'ready' | 'downloaded' | 'installed' | 'failed' | 'revoked';
export type CollectorPackageEvent = 'PROVISION' | 'READY' | 'DOWNLOAD' | 'INSTALL' | 'FAIL' | 'RETRY' | 'RENEW' | 'REVOKE';

/**
 * A package is ready when its certificate and NATS user are made; downloaded by whom they are for; installed when it has been seen at work.
 * None of that ends when it is renewed.
 */
export const collectorPackageLifecycle = lifecycle<CollectorPackageStatus, CollectorPackageEvent>(
  'collector package',
  createMachine({
    id: 'collector-package',
    initial: 'pending',
    states: {
      pending: { on: { PROVISION: 'provisioning', FAIL: 'failed' } },
      provisioning: { on: { READY: 'ready', FAIL: 'failed' } },
      ready: { on: { DOWNLOAD: 'downloaded', RENEW: 'ready', REVOKE: 'revoked' } },
      downloaded: { on: { INSTALL: 'installed', RENEW: 'downloaded', REVOKE: 'revoked' } },
      installed: { on: { RENEW: 'installed', REVOKE: 'revoked' } },
      failed: { on: { RETRY: 'pending' } },
      revoked: {},
    },
  }),
);
