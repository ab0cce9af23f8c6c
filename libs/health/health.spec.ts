import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { HEALTH_STATES, type Health, healthOf, type Witnesses } from './index.js';
import { AGENT_SILENCE, AGENTS, ago, CREDENTIALS, DRIFT, HUB, NOW, situations } from './test-situations.js';

const cellsOf = (line: string) => line.split('|').slice(1, -1).map((cell) => cell.trim());
const [head, , ...lines] = readFileSync(new URL('states.md', import.meta.url), 'utf8').split('\n').filter((line) => line.startsWith('|')).map(cellsOf);
const expected = new Map(lines.flatMap(([hub, credentials, drift, ...states]) => states.map((state, at) => [[hub, credentials, drift, head![at + 3]].join(), state])));

const of = (hub: string, { credentials = 'good', drift = 'no', agent = 'none' } = {}): Witnesses => ({
  ...{ createdAt: ago(600), hub: HUB[hub]!, credentials: CREDENTIALS[credentials]!, driftedSince: DRIFT[drift]!, agent: AGENTS[agent]!, agentSilence: AGENT_SILENCE },
});
const codesOf = ({ reasons }: Health) => reasons.map(({ code }) => code);

describe('the state of a site', () => {
  it('is what the table says, for all combinations', () => {
    const found = [...situations()].map(({ hub, credentials, drift, agent, witnesses }) => [[hub, credentials, drift, agent].join(), healthOf(witnesses, NOW).state] as const);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    expect(found).toHaveLength(expected.size);
  });

  it('is each of those that there are in one combination or another', () => {
    expect(new Set(expected.values())).toEqual(new Set(HEALTH_STATES));
  });
});

describe('the beginning of a state', () => {
  it.each<[string, Witnesses, Date]>([
    ['never_connected', of('never'), ago(600)],
    ['connected', of('link'), HUB.link!.connectedAt!],
    ['leaf_down', of('link', { agent: 'long after: down' }), HUB.link!.connectedAt!],
    ['wan_down', of('link', { agent: 'long after: up, no upstream' }), HUB.link!.connectedAt!],
    ['wan_down', of('no link', { agent: 'after: up, no upstream' }), HUB['no link']!.disconnectedAt!],
    // Both have to be so; the link went last.
    ['leaf_down', of('no link', { agent: 'after: down' }), HUB['no link']!.disconnectedAt!],
    // The link came back when the agent was silent already; or the agent fell silent later.
    ['agent_down', of('link', { agent: 'silent' }), NOW],
    ['site_dark', of('no link'), HUB['no link']!.disconnectedAt!],
    ['site_dark', of('no link', { agent: 'silent' }), NOW],
    ['credentials_expired', of('no link', { credentials: 'ended' }), ago(10)],
    ['credentials_expired', of('no link, cut for expired'), HUB['no link']!.disconnectedAt!],
    ['credentials_revoked', of('no link', { credentials: 'revoked' }), ago(5)],
    ['credentials_revoked', of('no link, cut for revoked'), HUB['no link']!.disconnectedAt!],
    ['drifted', of('link', { drift: 'yes' }), HUB.link!.connectedAt!],
  ])('%s is when the last of what makes it was so', (state, witnesses, since) => {
    expect(healthOf(witnesses, NOW)).toMatchObject({ state, since });
  });

  it('of silence is 90 seconds after the last word', () => {
    const agent = { firstSeenAt: ago(90), lastSeenAt: ago(10), leaf: null };
    expect(healthOf({ ...of('link'), hub: { ...HUB.link!, connectedAt: ago(60) }, agent }, NOW).since).toEqual(new Date(ago(10).getTime() + AGENT_SILENCE));
  });
});

describe('the reasons', () => {
  it.each<[string, Witnesses, string[]]>([
    ['of a site that has never connected', of('never', { agent: 'after: up, no upstream' }), ['never_connected', 'leaf_available', 'upstream_disconnected']],
    ['of one that is well', of('link', { agent: 'after: up, upstream' }), ['connected', 'leaf_available']],
    ['without an agent', of('no link, stale'), ['disconnected', 'no_agent']],
    ['when agent and hub disagree', of('no link', { agent: 'after: up, upstream' }), ['disconnected', 'leaf_available', 'upstream_claimed']],
    ['when the agent says that the leaf is down, and the hub sees it', of('link', { agent: 'after: down' }), ['connected', 'leaf_unavailable']],
    ['without what the agent said before the leaf connected', of('link', { agent: 'before: up, no upstream' }), ['connected']],
    ['with all that is so', of('link', { credentials: 'both', drift: 'yes', agent: 'silent' }), ['credentials_revoked', 'connected', 'credentials_expired', 'agent_silent', 'drifted']],
  ])('%s are listed, those of the state first', (_what, witnesses, codes) => {
    expect(codesOf(healthOf(witnesses, NOW))).toEqual(codes);
  });

  it('quote the hub', () => {
    expect(healthOf(of('no link, stale'), NOW).reasons[0]!.detail).toBe('The leaf is not connected to the hub. The hub’s reason: Stale Connection.');
  });

  it('tell a leaf that was connected when it was last spoken of from one that takes itself to be', () => {
    const details = ['before: up, upstream', 'after: up, upstream'].map((agent) => healthOf(of('no link', { agent }), NOW).reasons.at(-1)!.detail);
    expect(details).toEqual([expect.stringMatching(/^The agent has not spoken/), expect.stringMatching(/hub sees no link/)]);
  });
});

/** Any times, also ones ahead of now; witnesses that contradict themselves. */
const time = fc.integer({ min: -200_000, max: 20_000 }).map((ms) => new Date(NOW.getTime() + ms));
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
const anything: fc.Arbitrary<Witnesses> = fc.record({
  createdAt: time,
  hub: fc.record({ linked: fc.boolean(), connectedAt: maybe(time), disconnectedAt: maybe(time), disconnectReason: maybe(fc.constantFrom('Client Closed', 'Credentials Revoked', 'Authentication Expired')) }),
  credentials: fc.record({ expiresAt: maybe(time), revokedAt: maybe(time) }),
  driftedSince: maybe(time),
  agent: maybe(fc.record({ firstSeenAt: time, lastSeenAt: time, leaf: maybe(fc.record({ available: fc.boolean(), changedAt: time, upstreamConnected: maybe(fc.boolean()), reportedAt: time })) })),
  agentSilence: fc.constant(AGENT_SILENCE),
});
const always = (holds: (witnesses: Witnesses, health: Health) => boolean) =>
  fc.assert(fc.property(anything, (witnesses) => holds(witnesses, healthOf(witnesses, NOW))), { numRuns: 2_000 });

describe('whatever is known', () => {
  it('makes one of the states, with a reason', () => {
    always((_witnesses, { state, reasons }) => HEALTH_STATES.includes(state) && reasons.length > 0 && new Set(reasons.map(({ code }) => code)).size === reasons.length);
  });

  it('puts no beginning after now', () => {
    always((_witnesses, { since, reasons }) => [since, ...reasons.map((reason) => reason.since)].every((at) => at <= NOW));
  });

  it('makes nothing connected, drifted or its agent down without a link', () => {
    always(({ hub }, { state }) => hub.linked || !['connected', 'drifted', 'agent_down'].includes(state));
  });

  it('makes nothing dark with one', () => {
    always(({ hub }, { state }) => !hub.linked || state !== 'site_dark');
  });

  it('is the same a second later, unless silence or an end of credentials falls in between', () => {
    const later = new Date(NOW.getTime() + 1_000);
    always((witnesses, health) => {
      const { agent, credentials } = witnesses;
      const turns = [credentials.expiresAt?.getTime(), ...[agent?.lastSeenAt, agent?.leaf?.reportedAt].map((at) => at && at.getTime() + AGENT_SILENCE)];
      if (turns.some((at) => at != null && at > NOW.getTime() && at <= later.getTime())) return true;
      // What is ahead of now counts as now.
      const next = healthOf(witnesses, later);
      return next.state === health.state && (health.since < NOW ? next.since.getTime() === health.since.getTime() : true) && codesOf(next).join() === codesOf(health).join();
    });
  });

  it('does not become better by credentials that are revoked, nor by an agent that falls silent', () => {
    always((witnesses) => {
      const revoked = healthOf({ ...witnesses, credentials: { ...witnesses.credentials, revokedAt: ago(1) } }, NOW).state;
      const silent = healthOf({ ...witnesses, agent: { firstSeenAt: ago(9), lastSeenAt: ago(9), leaf: null } }, NOW).state;
      return revoked !== 'connected' && silent !== 'connected';
    });
  });
});
