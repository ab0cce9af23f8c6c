import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type SigningKeyStatus = 'next' | 'active' | 'retiring' | 'retired';
export type SigningKeyEvent = 'ACTIVATE' | 'REPLACE' | 'RETIRE';

/**
 * A key that signs JWTs in place of an identity key. The next one is known to servers before it signs; the one that it replaces is known until
 * nothing is left that it has signed. One that never signed can be given up.
 */
export const signingKeyLifecycle = lifecycle<SigningKeyStatus, SigningKeyEvent>(
  'signing key',
  createMachine({
    id: 'signing-key',
    initial: 'next',
    states: {
      next: { on: { ACTIVATE: 'active', RETIRE: 'retired' } },
      active: { on: { REPLACE: 'retiring' } },
      retiring: { on: { RETIRE: 'retired' } },
      retired: {},
    },
  }),
);
