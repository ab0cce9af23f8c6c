import { type Condition, conditionOf } from './condition.js';
import type { LeafFacts, SiteFacts } from './facts.js';
import type { WatchingRule } from './rule.js';
import { ago, gone, NOW, ruleOf, siteOf } from './test-site.js';

type Case = [what: string, leaf: Partial<LeafFacts>, expected: number | 'clear', rule?: Partial<WatchingRule>, rest?: Partial<SiteFacts>];

const valueOf = (condition: Condition) => (condition.state === 'met' ? condition.value : 'clear');

const agent = (name: string, silentFor: number, failing: { name: string; since: Date }[] = []) => ({ name, lastSeenAt: ago(silentFor), failing });

function table(kind: WatchingRule['kind'], cases: Case[]): void {
  describe(`the rule ${kind}`, () => {
    it.each(cases.map((one) => [one[0], one] as const))('says the right thing of a site %s', (_what, [, leaf, expected, rule, rest]) => {
      expect(valueOf(conditionOf(ruleOf({ kind, ...rule }), siteOf(leaf, rest), NOW))).toBe(expected);
    });
  });
}

table('disconnected_for', [
  ['that is linked', {}, 'clear'],
  ['that is linked again, and was gone for long', { disconnectedAt: ago(900), connectedAt: ago(1) }, 'clear'],
  ['that has been gone for less', gone(299), 'clear'],
  ['that has been gone for as long', gone(300), 300],
  ['that has been gone for longer', gone(4_000), 4_000],
  ['that has never connected', { linked: false, connectedAt: null }, 'clear'],
  ['that has never connected, when that counts', { linked: false, connectedAt: null, provisionedAt: ago(400) }, 400, { includesNeverConnected: true }],
  ['that has never connected and is not provisioned, when that counts', { linked: false, connectedAt: null, provisionedAt: null }, 'clear', { includesNeverConnected: true }],
  ['that went just now, for the fifth time in ten minutes', gone(5), 600, {}, { unsteadySince: new Map([[60, ago(600)]]) }],
  ['that went just now, after links that lasted for this rule', gone(5), 'clear', { resolveAfter: 10 }, { unsteadySince: new Map([[60, ago(600)]]) }],
]);

table('buffer_full_within', [
  ['whose buffer is never full', { bufferFullAt: null }, 'clear'],
  ['whose buffer is full later', { bufferFullAt: ago(-301) }, 'clear'],
  ['whose buffer is full by then', { bufferFullAt: ago(-300) }, 300],
  ['whose buffer is full already', { bufferFullAt: ago(60) }, 0],
]);

table('cert_expires_within', [
  ['that has no certificate yet', { certExpiresAt: null }, 'clear'],
  ['whose certificate is good for longer', { certExpiresAt: ago(-86_401) }, 'clear', { threshold: 86_400 }],
  ['whose certificate ends by then', { certExpiresAt: ago(-86_400) }, 86_400, { threshold: 86_400 }],
  ['whose certificate has ended', { certExpiresAt: ago(1) }, 0],
]);

table('drifted_for', [
  ['that runs what it should', { driftedSince: null }, 'clear'],
  ['that has drifted for less', { driftedSince: ago(299) }, 'clear'],
  ['that has drifted for as long', { driftedSince: ago(300) }, 300],
]);

table('agent_silent_for', [
  ['without agents', {}, 'clear'],
  ['whose agents have spoken', {}, 'clear', {}, { agents: [agent('a', 1), agent('b', 299)] }],
  ['of which one agent is silent', {}, 300, {}, { agents: [agent('a', 1), agent('b', 300)] }],
  ['of which two agents are silent', {}, 900, {}, { agents: [agent('a', 900), agent('b', 300)] }],
]);

const failing = [agent('a', 1, [{ name: 'web', since: ago(500) }, { name: 'db', since: ago(299) }])];
table('check_failing_for', [
  ['whose checks are well', {}, 'clear', {}, { agents: [agent('a', 1)] }],
  ['of which a check fails', {}, 500, {}, { agents: failing }],
  ['of which a check fails that the rule names', {}, 500, { checks: ['web'] }, { agents: failing }],
  ['of which a check fails that the rule does not name', {}, 'clear', { checks: ['db', 'mail'] }, { agents: failing }],
]);

describe('what is met', () => {
  it('names agents and checks once each, in order', () => {
    const agents = [agent('b', 400, [{ name: 'web', since: ago(400) }]), agent('a', 400, [{ name: 'web', since: ago(500) }, { name: '$(touch x)', since: ago(301) }])];
    expect(conditionOf(ruleOf({ kind: 'agent_silent_for' }), siteOf({}, { agents }), NOW)).toMatchObject({ since: ago(400), detail: { agents: ['a', 'b'] } });
    expect(conditionOf(ruleOf({ kind: 'check_failing_for' }), siteOf({}, { agents }), NOW)).toMatchObject({ since: ago(500), detail: { checks: ['$(touch x)', 'web'] } });
  });

  it('says why the hub lost a leaf, and whether it came and went before', () => {
    expect(conditionOf(ruleOf(), siteOf(gone(300)), NOW)).toMatchObject({ detail: { reason: 'Client Closed', flapping: false } });
    const flapping = siteOf(gone(5), { unsteadySince: new Map([[60, ago(600)]]) });
    expect(conditionOf(ruleOf(), flapping, NOW)).toMatchObject({ since: ago(600), detail: { flapping: true } });
  });
});

it('a link that is back is clear since it is back', () => {
  expect(conditionOf(ruleOf(), siteOf({ connectedAt: ago(7), disconnectedAt: ago(900) }), NOW)).toEqual({ state: 'clear', since: ago(7) });
});
