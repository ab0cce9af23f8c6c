import type { AgentFacts, SiteFacts } from './facts.js';
import type { AlertKind, WatchingRule } from './rule.js';

/** Names that stand in the detail of an alert at most. */
const NAMES_MAX = 20;

/** What a rule says of a site now. */
export type Condition =
  | {
      state: 'met';
      /** Since when it has been so, whatever the threshold; of what is to come, when that is. */
      since: Date;
      /** Seconds that the threshold is held against. */
      value: number;
      detail: Record<string, unknown>;
    }
  | {
      state: 'clear';
      /** Since when, where that is known better than by when it was looked at. */
      since?: Date;
    };

const CLEAR: Condition = { state: 'clear' };

const secondsBetween = (from: Date, to: Date) => Math.floor((to.getTime() - from.getTime()) / 1000);

type Rule = Pick<WatchingRule, 'kind' | 'threshold' | 'resolveAfter' | 'checks' | 'includesNeverConnected'>;

/** Whether what a rule watches has come at a site: a pure function of what is on record. */
export function conditionOf(rule: Rule, site: SiteFacts, now: Date): Condition {
  return CONDITIONS[rule.kind](rule, site, now);
}

const CONDITIONS: Record<AlertKind, (rule: Rule, site: SiteFacts, now: Date) => Condition> = {
  disconnected_for: disconnected,
  buffer_full_within: ({ threshold }, { leaf }, now) => within(threshold, leaf.bufferFullAt, now),
  cert_expires_within: ({ threshold }, { leaf }, now) => within(threshold, leaf.certExpiresAt, now),
  agent_silent_for: silent,
  drifted_for: ({ threshold }, { leaf }, now) => lasting(threshold, leaf.driftedSince, now, {}),
  check_failing_for: failing,
};

/** A link that was back for less than `resolveAfter` has not ended it: many short ones add up. */
function disconnected({ threshold, resolveAfter, includesNeverConnected }: Rule, { leaf, unsteadySince }: SiteFacts, now: Date): Condition {
  if (leaf.linked) return { state: 'clear', since: leaf.connectedAt ?? now };
  if (leaf.disconnectedAt === null) return includesNeverConnected ? lasting(threshold, leaf.provisionedAt, now, { never_connected: true }) : CLEAR;
  const unsteady = unsteadySince.get(resolveAfter);
  const isFlapping = unsteady !== undefined && unsteady < leaf.disconnectedAt;
  const detail = { disconnected_at: leaf.disconnectedAt.toISOString(), reason: leaf.disconnectReason, flapping: isFlapping };
  return lasting(threshold, isFlapping ? unsteady : leaf.disconnectedAt, now, detail);
}

function silent({ threshold }: Rule, { agents }: SiteFacts, now: Date): Condition {
  const lost = agents.filter(({ lastSeenAt }) => secondsBetween(lastSeenAt, now) >= threshold);
  return lasting(threshold, earliest(lost.map(({ lastSeenAt }) => lastSeenAt)), now, { agents: named(lost) });
}

function failing({ threshold, checks }: Rule, { agents }: SiteFacts, now: Date): Condition {
  const lost = agents
    .flatMap((agent: AgentFacts) => agent.failing)
    .filter(({ name, since }) => (checks.length === 0 || checks.includes(name)) && secondsBetween(since, now) >= threshold);
  return lasting(threshold, earliest(lost.map(({ since }) => since)), now, { checks: named(lost) });
}

function lasting(threshold: number, since: Date | null, now: Date, detail: Record<string, unknown>): Condition {
  if (since === null) return CLEAR;
  const value = secondsBetween(since, now);
  return value >= threshold ? { state: 'met', since, value, detail } : CLEAR;
}

function within(threshold: number, at: Date | null, now: Date): Condition {
  if (at === null) return CLEAR;
  const value = secondsBetween(now, at);
  return value <= threshold ? { state: 'met', since: at, value: Math.max(0, value), detail: { at: at.toISOString() } } : CLEAR;
}

const earliest = (dates: readonly Date[]): Date | null => (dates.length === 0 ? null : new Date(Math.min(...dates.map((date) => date.getTime()))));

const named = (things: readonly { name: string }[]): string[] => [...new Set(things.map(({ name }) => name))].sort().slice(0, NAMES_MAX);
