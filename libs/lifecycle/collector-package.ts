import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type CollectorPackageStatus = 'pending' | 'provisioning' | 'ready' | 'downloaded' | 'installed' | 'failed' | 'revoked';
export type CollectorPackageEvent = 'PROVISION' | 'READY' | 'DOWNLOAD' | 'INSTALL' | 'FAIL' | 'RETRY' | 'REVOKE';

/** A package is ready when its certificate and NATS user are made; downloaded by whom they are for; installed when it has been seen at work. */
export const collectorPackageLifecycle = lifecycle<CollectorPackageStatus, CollectorPackageEvent>(
  'collector package',
  createMachine({
    id: 'collector-package',
    initial: 'pending',
    states: {
      pending: { on: { PROVISION: 'provisioning', FAIL: 'failed' } },
      provisioning: { on: { READY: 'ready', FAIL: 'failed' } },
      ready: { on: { DOWNLOAD: 'downloaded', REVOKE: 'revoked' } },
      downloaded: { on: { INSTALL: 'installed', REVOKE: 'revoked' } },
      installed: { on: { REVOKE: 'revoked' } },
      failed: { on: { RETRY: 'pending' } },
      revoked: {},
    },
  }),
);
