import { createMachine } from 'xstate';
import { lifecycle } from './lifecycle.js';

export type SignedArtifactStatus = 'intended' | 'issued' | 'abandoned' | 'revoked';
export type SignedArtifactEvent = 'ISSUE' | 'ABANDON' | 'REVOKE';

/**
 * A certificate or a NATS user. The intent is on record before the signature is made, so that nothing is ever signed
 * that nobody knows of; an intent whose worker died is abandoned and never used.
 */
export const signedArtifactLifecycle = lifecycle<SignedArtifactStatus, SignedArtifactEvent>(
  'signed artifact',
  createMachine({
    id: 'signed-artifact',
    initial: 'intended',
    states: {
      intended: { on: { ISSUE: 'issued', ABANDON: 'abandoned', REVOKE: 'revoked' } },
      issued: { on: { REVOKE: 'revoked' } },
      abandoned: { on: { REVOKE: 'revoked' } },
      revoked: {},
    },
  }),
);
