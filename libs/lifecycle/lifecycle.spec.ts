import type { DomainError } from '#libs/kernel';
import {
  accountKeyLifecycle,
  collectorPackageLifecycle,
  edgeSiteLifecycle,
  type Lifecycle,
  natsLeafServerLifecycle,
  onboardingPackageLifecycle,
  signedArtifactLifecycle,
  signingKeyLifecycle,
  tenantCaLifecycle,
} from './index.js';

/** Every pair of state and event with the state that follows; a pair that is missing here must be refused. */
const table: Record<string, [Lifecycle<string, string>, string, Record<string, Record<string, string>>, string[]]> = {
  'an edge site': [
    edgeSiteLifecycle as Lifecycle<string, string>,
    'pending',
    { pending: { ACTIVATE: 'active' }, active: { GO_OFFLINE: 'offline' }, offline: { COME_ONLINE: 'active' } },
    ['ACTIVATE', 'GO_OFFLINE', 'COME_ONLINE'],
  ],
  'a NATS leaf server': [
    natsLeafServerLifecycle as Lifecycle<string, string>,
    'pending',
    {
      pending: { PROVISION: 'provisioned' },
      provisioned: { CONNECT: 'connected', REPROVISION: 'pending' },
      connected: { DISCONNECT: 'disconnected', REPROVISION: 'pending' },
      disconnected: { CONNECT: 'connected', REPROVISION: 'pending' },
    },
    ['PROVISION', 'CONNECT', 'DISCONNECT', 'REPROVISION'],
  ],
  'a signing key of an account': [
    accountKeyLifecycle as Lifecycle<string, string>,
    'next',
    {
      next: { ACTIVATE: 'active' },
      active: { RETIRE: 'retiring' },
      retiring: { EXPIRE: 'retired' },
      retired: {},
    },
    ['ACTIVATE', 'RETIRE', 'EXPIRE'],
  ],
  'a collector package': [
    collectorPackageLifecycle as Lifecycle<string, string>,
    'pending',
    {
      pending: { PROVISION: 'provisioning', FAIL: 'failed' },
      provisioning: { READY: 'ready', FAIL: 'failed' },
      ready: { DOWNLOAD: 'downloaded', RENEW: 'ready', REVOKE: 'revoked' },
      downloaded: { INSTALL: 'installed', RENEW: 'downloaded', REVOKE: 'revoked' },
      installed: { RENEW: 'installed', REVOKE: 'revoked' },
      failed: { RETRY: 'pending' },
      revoked: {},
    },
    ['PROVISION', 'READY', 'DOWNLOAD', 'INSTALL', 'FAIL', 'RETRY', 'RENEW', 'REVOKE'],
  ],
  'an onboarding package': [
    onboardingPackageLifecycle as Lifecycle<string, string>,
    'issued',
    {
      issued: { DELIVER: 'delivered', EXPIRE: 'expired', REVOKE: 'revoked' },
      delivered: { ACTIVATE: 'activated', EXPIRE: 'expired', REVOKE: 'revoked' },
      activated: { REVOKE: 'revoked' },
      expired: {},
      revoked: {},
    },
    ['DELIVER', 'ACTIVATE', 'EXPIRE', 'REVOKE'],
  ],
  'a tenant CA': [
    tenantCaLifecycle as Lifecycle<string, string>,
    'next',
    {
      next: { ACTIVATE: 'active', REVOKE: 'revoked' },
      active: { RETIRE: 'retiring', REVOKE: 'revoked' },
      retiring: { EXPIRE: 'retired', REVOKE: 'revoked' },
      retired: { REVOKE: 'revoked' },
      revoked: {},
    },
    ['ACTIVATE', 'RETIRE', 'EXPIRE', 'REVOKE'],
  ],
  'a signed artifact': [
    signedArtifactLifecycle as Lifecycle<string, string>,
    'intended',
    {
      intended: { ISSUE: 'issued', ABANDON: 'abandoned', REVOKE: 'revoked' },
      issued: { REVOKE: 'revoked' },
      abandoned: { REVOKE: 'revoked' },
      revoked: {},
    },
    ['ISSUE', 'ABANDON', 'REVOKE'],
  ],
  'a signing key of the operator': [
    signingKeyLifecycle as Lifecycle<string, string>,
    'next',
    {
      next: { ACTIVATE: 'active', RETIRE: 'retired' },
      active: { REPLACE: 'retiring' },
      retiring: { RETIRE: 'retired' },
      retired: {},
    },
    ['ACTIVATE', 'REPLACE', 'RETIRE'],
  ],
};

describe.each(Object.entries(table))('the lifecycle of %s', (_noun, [machine, initial, transitions, events]) => {
  it('begins where the table says and has exactly its states', () => {
    expect(machine.initial).toBe(initial);
    expect([...machine.states].sort()).toEqual(Object.keys(transitions).sort());
  });

  for (const [state, possible] of Object.entries(transitions)) {
    for (const event of events) {
      const next = possible[event];
      if (next !== undefined) {
        it(`goes from ${state} to ${next} on ${event}`, () => expect(machine.next(state, event)).toBe(next));
      } else {
        it(`refuses ${event} while ${state}, naming what is possible`, () => {
          const refusal = catchError(() => machine.next(state, event));
          expect(refusal).toMatchObject({ name: 'DomainError', code: 'illegal_transition' });
          expect(refusal.message).toContain(state);
          expect(refusal.message).toContain(event);
          for (const option of Object.keys(possible)) expect(refusal.message).toContain(option);
        });
      }
    }
  }
});

function catchError(run: () => unknown): DomainError {
  try {
    run();
  } catch (error) {
    return error as DomainError;
  }
  throw new Error('expected an error');
}
