import { decide, type Decision, type PresentAlert } from './decide.js';
import { type Circumstances, heldUntil, massEvents } from './hold.js';
import type { Silence } from './rule.js';
import { ago, gone, LEAF, NOW, ruleOf, siteOf } from './test-site.js';

const HOLD = 120_000;
const CALM: Circumstances = { hubWatchedSince: ago(86_400), evaluatedSince: ago(86_400), massDisconnects: [], massSilences: [], hold: HOLD };
const OPEN: PresentAlert = { status: 'open', clearSince: null };
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

const decided = (site = siteOf(gone(300)), alert?: PresentAlert, circumstances: Partial<Circumstances> = {}, silences: Silence[] = []): Decision =>
  decide(ruleOf(), site, alert, silences, { ...CALM, ...circumstances }, NOW);

describe('without an alert', () => {
  it('one is opened when the site has been gone for long enough, and whoever is to know is told', () => {
    expect(decided()).toMatchObject({ type: 'open', tells: true, condition: { value: 300 } });
  });

  it('nothing is done when it has not', () => {
    expect(decided(siteOf(gone(299)))).toEqual({ type: 'nothing' });
  });

  it.each<[string, Partial<Circumstances>]>([
    ['the hub is not watched', { hubWatchedSince: null }],
    ['the hub is watched again for less than the hold', { hubWatchedSince: ago(119) }],
    ['alerts are evaluated again for less than the hold', { evaluatedSince: ago(119) }],
    ['many went with it, less than the threshold ago for the last of them', { massDisconnects: [{ from: ago(310), to: ago(290) }] }],
  ])('nothing is done while %s', (_what, circumstances) => {
    expect(decided(siteOf(gone(300)), undefined, circumstances)).toEqual({ type: 'nothing' });
  });

  it.each<[string, Partial<Circumstances>]>([
    ['the hub is watched again for as long as the hold', { hubWatchedSince: ago(120) }],
    ['many went at another time', { massDisconnects: [{ from: ago(200), to: ago(190) }] }],
    ['many went with it, and have had their time', { massDisconnects: [{ from: ago(320), to: ago(300) }] }],
  ])('one is opened when %s', (_what, circumstances) => {
    expect(decided(siteOf(gone(300)), undefined, circumstances)).toMatchObject({ type: 'open' });
  });

  it('what is no matter of links waits for no hub', () => {
    const rule = ruleOf({ kind: 'drifted_for' });
    const unwatched = { ...CALM, hubWatchedSince: null, evaluatedSince: NOW };
    expect(decide(rule, siteOf({ driftedSince: ago(300) }), undefined, [], unwatched, NOW)).toMatchObject({ type: 'open' });
  });
});

describe('with an alert', () => {
  it('it is kept while the site is gone', () => {
    expect(decided(siteOf(gone(900)), OPEN)).toMatchObject({ type: 'keep', clearSince: null });
  });

  it.each([
    [59, 'keep'],
    [60, 'resolve'],
    [600, 'resolve'],
  ])('of a site that has been back for %d s: %s', (seconds, type) => {
    expect(decided(siteOf({ disconnectedAt: ago(900), connectedAt: ago(seconds) }), OPEN)).toMatchObject({ type });
  });

  it('one link after the other that does not last neither resolves it nor opens another', () => {
    let alert: PresentAlert | undefined;
    const opened: number[] = [];
    // Gone for 20 s, back for 10 s, for an hour; then back for good.
    for (let second = 0; second < 4_000; second += 5) {
      const phase = second % 30;
      const isGone = second < 3_600 && phase < 20;
      const start = second - phase;
      const link = isGone
        ? { ...LEAF, linked: false, connectedAt: at(start - 10), disconnectedAt: at(start) }
        : { ...LEAF, connectedAt: at(Math.min(start + 20, 3_590)), disconnectedAt: at(start) };
      const site = siteOf(link, { unsteadySince: isGone ? new Map([[60, at(0)]]) : new Map() });
      const decision = decide(ruleOf(), site, alert, [], CALM, at(second));
      if (decision.type === 'open') opened.push(second);
      if (decision.type === 'open') alert = OPEN;
      if (decision.type === 'keep') alert = { status: 'open', clearSince: decision.clearSince };
      if (decision.type === 'resolve') alert = undefined;
    }
    expect(opened).toEqual([300]);
    expect(alert).toBeUndefined();
  });

  it('without a better witness it is clear since it was first seen to be, and that starts anew when it is not', () => {
    const rule = ruleOf({ kind: 'drifted_for' });
    const decisionOf = (driftedSince: Date | null, clearSince: Date | null) =>
      decide(rule, siteOf({ driftedSince }), { status: 'open', clearSince }, [], CALM, NOW);
    expect(decisionOf(null, null)).toMatchObject({ type: 'keep', clearSince: NOW });
    expect(decisionOf(null, ago(59))).toMatchObject({ type: 'keep', clearSince: ago(59) });
    expect(decisionOf(ago(300), ago(59))).toMatchObject({ type: 'keep', clearSince: null });
    expect(decisionOf(null, ago(60))).toEqual({ type: 'resolve', at: NOW });
  });

  it('nobody is told once somebody has acknowledged it', () => {
    expect(decided(siteOf(gone(900)), OPEN)).toMatchObject({ tells: true });
    expect(decided(siteOf(gone(900)), { ...OPEN, status: 'acknowledged' })).toMatchObject({ tells: false });
  });
});

describe('a silence', () => {
  const silence: Silence = { alertRuleId: null, edgeSiteId: null, labelSelector: {}, until: at(1) };

  it.each<[string, Partial<Silence>, boolean]>([
    ['for everything', {}, false],
    ['that is over', { until: NOW }, true],
    ['for the rule', { alertRuleId: 'rule-1' }, false],
    ['for another rule', { alertRuleId: 'rule-2' }, true],
    ['for the site', { edgeSiteId: 'site-1' }, false],
    ['for another site', { edgeSiteId: 'site-2' }, true],
    ['for the rule at another site', { alertRuleId: 'rule-1', edgeSiteId: 'site-2' }, true],
    ['for sites with its label', { labelSelector: { region: 'east' } }, false],
    ['for sites with another label', { labelSelector: { region: 'west' } }, true],
    ['for sites with a label that objects inherit', { labelSelector: { constructor: 'east' } }, true],
  ])('%s leaves the alert as it is', (_what, given, tells) => {
    expect(decided(siteOf(gone(300)), undefined, {}, [{ ...silence, ...given }])).toMatchObject({ type: 'open', tells });
    expect(decided(siteOf(gone(300)), OPEN, {}, [{ ...silence, ...given }])).toMatchObject({ type: 'keep', tells });
  });
});

describe('that many went at once', () => {
  const times = (...seconds: number[]) => seconds.map(at);
  const spread = (count: number, over: number) => Array.from({ length: count }, (_, index) => at((index * over) / count));

  it.each<[string, Date[], number, [number, number][]]>([
    ['of none', [], 0, []],
    ['of four of four', times(0, 1, 2, 3), 4, []],
    ['of five of five', times(0, 1, 2, 3, 60), 5, [[0, 60]]],
    ['of five of five that took longer than a minute', times(0, 1, 2, 3, 61), 5, []],
    ['of five of twenty-five', times(4, 3, 2, 1, 0), 25, [[0, 4]]],
    ['of five of twenty-six', times(0, 1, 2, 3, 4), 26, []],
    ['twice', [...times(0, 1, 2, 3, 4), ...times(500, 501, 502, 503, 504)], 20, [[0, 4], [500, 504]]],
    ['once, though they took longer', spread(100, 100), 100, [[0, 99]]],
  ])('is noticed %s', (_what, given, total, expected) => {
    expect(massEvents(given, total)).toEqual(expected.map(([from, to]) => ({ from: at(from), to: at(to) })));
  });

  it('gives each of them the same time to come back, at least the hold', () => {
    const event = { from: ago(60), to: ago(10) };
    const until = (seconds: number, threshold: number) => {
      const condition = { state: 'met', since: ago(seconds), value: seconds, detail: {} } as const;
      return heldUntil(ruleOf({ threshold }), siteOf(gone(seconds)), condition, { ...CALM, massDisconnects: [event] });
    };
    expect([until(60, 30), until(10, 30), until(35, 30)]).toEqual(Array(3).fill(new Date(event.to.getTime() + HOLD)));
    expect(until(60, 600)).toEqual(new Date(event.to.getTime() + 600_000));
  });
});
