import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type AlertStatus = 'open' | 'acknowledged' | 'resolved';
export type AlertEvent = 'ACKNOWLEDGE' | 'RESOLVE';

/** Somebody has seen it, or not; it resolves by itself. What happens again is another alert. */
export const alertLifecycle = lifecycle<AlertStatus, AlertEvent>(
  'alert',
  createMachine({
    id: 'alert',
    initial: 'open',
    states: {
      open: { on: { ACKNOWLEDGE: 'acknowledged', RESOLVE: 'resolved' } },
      acknowledged: { on: { RESOLVE: 'resolved' } },
      resolved: {},
    },
  }),
);
