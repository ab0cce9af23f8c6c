import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type AccountKeyStatus = 'next' | 'active' | 'retiring' | 'retired';
export type AccountKeyEvent = 'ACTIVATE' | 'RETIRE' | 'EXPIRE';

/**
 * A key that signs the users of a NATS account. One is active and signs; the next one is listed in the account's JWT already, a retiring one
 * still: servers take users that it has signed. What a retired one has signed is refused.
 */
export const accountKeyLifecycle = lifecycle<AccountKeyStatus, AccountKeyEvent>(
  'signing key',
  createMachine({
    id: 'account-key',
    initial: 'next',
    states: {
      next: { on: { ACTIVATE: 'active' } },
      active: { on: { RETIRE: 'retiring' } },
      retiring: { on: { EXPIRE: 'retired' } },
      retired: {},
    },
  }),
);
