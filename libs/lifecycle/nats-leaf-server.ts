import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type NatsLeafServerStatus = 'pending' | 'provisioned' | 'connected' | 'disconnected';
export type NatsLeafServerEvent = 'PROVISION' | 'CONNECT' | 'DISCONNECT' | 'REPROVISION';

/** A leaf is pending while its generation has no certificates, credentials and configuration yet. */
export const natsLeafServerLifecycle = lifecycle<NatsLeafServerStatus, NatsLeafServerEvent>(
  'NATS leaf server',
  createMachine({
    id: 'nats-leaf-server',
    initial: 'pending',
    states: {
      pending: { on: { PROVISION: 'provisioned' } },
      provisioned: { on: { CONNECT: 'connected', REPROVISION: 'pending' } },
      connected: { on: { DISCONNECT: 'disconnected', REPROVISION: 'pending' } },
      disconnected: { on: { CONNECT: 'connected', REPROVISION: 'pending' } },
    },
  }),
);
