import { nextStep, type RotationFacts, whyNotActivate, whyNotRetire } from './operator-rotation.js';

const active = { publicKey: 'OLD', status: 'active' as const };
const next = { publicKey: 'NEW', status: 'next' as const };
const facts = (more: Partial<RotationFacts> = {}): RotationFacts => ({
  keys: [active],
  hubKeys: ['OLD'],
  sitesBehind: { count: 0, examples: [] },
  accountsToSign: 0,
  accountsToPush: 0,
  ...more,
});
const behind = { count: 7, examples: ['acme/new-york', 'acme/oslo'] };

describe('a next key', () => {
  it('can sign when the hub and all sites know it', () => {
    expect(whyNotActivate(next, facts({ hubKeys: ['OLD', 'NEW'] }))).toBeUndefined();
  });

  it.each([
    ['does not know it', ['OLD']],
    ['has not been asked', null],
  ])('cannot while the hub %s, which takes a restart', (_what, hubKeys) => {
    expect(whyNotActivate(next, facts({ hubKeys }))).toMatch(/The hub does not know .*hub:config.*restart/);
  });

  it('cannot while sites do not know it, the first of which are named', () => {
    expect(whyNotActivate(next, facts({ hubKeys: ['OLD', 'NEW'], sitesBehind: behind }))).toBe(
      '7 sites have not installed a bundle that knows the key (acme/new-york, acme/oslo, …).',
    );
  });

  it('is told of both at once', () => {
    expect(whyNotActivate(next, facts({ sitesBehind: { count: 1, examples: ['acme/oslo'] } }))).toMatch(/The hub .*1 site has .*\(acme\/oslo\)\./);
  });
});

describe('a key that was replaced', () => {
  it('can go when nothing is left that it has signed', () => {
    expect(whyNotRetire(facts(), false)).toBeUndefined();
  });

  it('cannot while accounts are left that it has signed, by force neither', () => {
    for (const force of [false, true]) expect(whyNotRetire(facts({ accountsToSign: 1 }), force)).toMatch(/^1 account is still to be signed/);
  });

  it('can go by force only while the hub has not confirmed all accounts', () => {
    expect(whyNotRetire(facts({ accountsToPush: 3 }), false)).toMatch(/3 of the accounts/);
    expect(whyNotRetire(facts({ accountsToPush: 3 }), true)).toBeUndefined();
  });
});

describe('the next step', () => {
  const retiring = { publicKey: 'OLD', status: 'retiring' as const };
  const taken = { publicKey: 'NEW', status: 'active' as const };
  const retired = { publicKey: 'OLD', status: 'retired' as const };

  it.each<[string, Partial<RotationFacts>, RegExp]>([
    ['is what keeps the next key from signing', { keys: [next, active] }, /The hub does not know the key/],
    ['is to activate it when nothing does', { keys: [next, active], hubKeys: ['OLD', 'NEW'] }, /^Activate/],
    ['is to wait for accounts to be signed', { keys: [taken, retiring], accountsToSign: 2 }, /2 accounts are still to be signed/],
    ['is to retire the key that was replaced', { keys: [taken, retiring] }, /^Retire/],
    ['is to let the hub forget a key that is retired', { keys: [taken, retired], hubKeys: ['OLD', 'NEW'] }, /The hub still trusts/],
    ['is for sites to forget it', { keys: [taken, retired], hubKeys: ['NEW'], sitesBehind: behind }, /^7 sites have to install/],
  ])('%s', (_what, more, expected) => {
    expect(nextStep(facts(more))).toMatch(expected);
  });

  it('is none when one key is left and known to all', () => {
    expect(nextStep(facts())).toBeNull();
    expect(nextStep(facts({ hubKeys: null }))).toBeNull();
  });
});
