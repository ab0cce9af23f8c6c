import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type EdgeSiteStatus = 'pending' | 'active' | 'offline';
export type EdgeSiteEvent = 'ACTIVATE' | 'GO_OFFLINE' | 'COME_ONLINE';

/** A site is active while its leaf is connected to the hub, and pending until it first was. */
export const edgeSiteLifecycle = lifecycle<EdgeSiteStatus, EdgeSiteEvent>(
  'edge site',
  createMachine({
    id: 'edge-site',
    initial: 'pending',
    states: {
      pending: { on: { ACTIVATE: 'active' } },
      active: { on: { GO_OFFLINE: 'offline' } },
      offline: { on: { COME_ONLINE: 'active' } },
    },
  }),
);
