import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type OnboardingPackageStatus = 'issued' | 'delivered' | 'activated' | 'expired' | 'revoked';
export type OnboardingPackageEvent = 'DELIVER' | 'ACTIVATE' | 'EXPIRE' | 'REVOKE';

/** A package is issued with its certificate, delivered when it was downloaded, and activated when its component has reported for the first time. */
export const onboardingPackageLifecycle = lifecycle<OnboardingPackageStatus, OnboardingPackageEvent>(
  'onboarding package',
  createMachine({
    id: 'onboarding-package',
    initial: 'issued',
    states: {
      issued: { on: { DELIVER: 'delivered', EXPIRE: 'expired', REVOKE: 'revoked' } },
      delivered: { on: { ACTIVATE: 'activated', EXPIRE: 'expired', REVOKE: 'revoked' } },
      activated: { on: { REVOKE: 'revoked' } },
      expired: {},
      revoked: {},
    },
  }),
);
