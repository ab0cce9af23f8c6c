import { type Reason, type ReasonCode, reasonsOf } from './reasons.js';
import { agentView, credentialEnds, type AgentView, type CredentialEnds } from './views.js';
import type { Witnesses } from './witnesses.js';

/** How a site is doing, in one word. */
export const HEALTH_STATES = [
  'never_connected',
  'connected',
  'wan_down',
  'leaf_down',
  'agent_down',
  'site_dark',
  'credentials_expired',
  'credentials_revoked',
  'drifted',
] as const;

export type HealthState = (typeof HEALTH_STATES)[number];

export interface Health {
  state: HealthState;
  /** When all that makes the state had begun; never after now. It changes only when a witness says something new. */
  since: Date;
  /** All that is true: first what makes the state, then what is so besides. */
  reasons: Reason[];
}

/** A state, when it began as far as each of its witnesses knows, and what it rests on. */
interface Verdict {
  state: HealthState;
  begins: Date[];
  because: ReasonCode[];
}

/**
 * How a site is doing, by all that is known of it. What counts, in this order:
 *
 * 1. A leaf that the hub has never seen is `never_connected`, whatever else is known.
 * 2. Credentials that are revoked or have ended: without new ones the leaf cannot come back. So also while it is still linked, for that ends
 *    with the link.
 * 3. Whether there is a link, the hub says; but it may be away itself, or not know yet of a way that leads nowhere. So an agent that says, a
 *    heartbeat or longer after the link began, that the leaf is up and not connected is believed: `wan_down`; or that it is not well: `leaf_down`.
 * 4. With a link: `agent_down` before `drifted` (which a silent agent would not know), else `connected`.
 * 5. Without one, the agent says what is left of the site. Silent, or never there: `site_dark`. It speaks and says that the leaf is up: `wan_down`,
 *    also when the leaf takes itself to be connected. That the leaf is not well, or nothing of it for as long as silence takes: `leaf_down`.
 *
 * A witness whose time is ahead of `now` is taken to speak of now.
 * @param now by the clock that agents are held against
 */
export function healthOf(witnesses: Witnesses, now: Date): Health {
  const agent = agentView(witnesses, now);
  const ends = credentialEnds(witnesses, now);
  const { state, begins, because } = verdictOf(witnesses, ends, agent);
  const latest = Math.max(...begins.map((at) => at.getTime()));
  const reasons = reasonsOf(witnesses, ends, agent, now);
  const isFirst = ({ code }: Reason) => because.includes(code);
  return {
    state,
    since: new Date(Math.min(latest, now.getTime())),
    reasons: [...reasons.filter(isFirst), ...reasons.filter((reason) => !isFirst(reason))],
  };
}

function verdictOf({ createdAt, hub, driftedSince, agentSilence }: Witnesses, ends: CredentialEnds, agent: AgentView): Verdict {
  if (hub.connectedAt === null) return { state: 'never_connected', begins: [createdAt], because: ['never_connected'] };
  if (ends.revokedAt !== null) return { state: 'credentials_revoked', begins: [ends.revokedAt], because: ['credentials_revoked'] };
  if (ends.expiredAt !== null) return { state: 'credentials_expired', begins: [ends.expiredAt], because: ['credentials_expired'] };
  if (hub.linked) return linkedVerdict({ connectedAt: hub.connectedAt, driftedSince, agentSilence }, agent);
  return darkVerdict(hub.disconnectedAt ?? hub.connectedAt, agent);
}

function linkedVerdict({ connectedAt, driftedSince, agentSilence }: { connectedAt: Date; driftedSince: Date | null; agentSilence: number }, agent: AgentView): Verdict {
  if (agent.presence === 'silent') return { state: 'agent_down', begins: [connectedAt, agent.since], because: ['agent_silent'] };
  const word = agent.presence === 'speaks' ? agent.leaf : null;
  // What it looked at before the link began may come after.
  if (word !== null && word.reportedAt.getTime() >= connectedAt.getTime() + agentSilence / 3) {
    const begins = [connectedAt, word.changedAt];
    if (!word.available) return { state: 'leaf_down', begins, because: ['leaf_unavailable'] };
    if (word.upstreamConnected === false) return { state: 'wan_down', begins, because: ['leaf_available', 'upstream_disconnected'] };
  }
  if (driftedSince !== null) return { state: 'drifted', begins: [connectedAt, driftedSince], because: ['drifted'] };
  return { state: 'connected', begins: [connectedAt], because: ['connected'] };
}

function darkVerdict(disconnectedAt: Date, agent: AgentView): Verdict {
  switch (agent.presence) {
    case 'none':
      return { state: 'site_dark', begins: [disconnectedAt], because: ['disconnected', 'no_agent'] };
    case 'silent':
      return { state: 'site_dark', begins: [disconnectedAt, agent.since], because: ['disconnected', 'agent_silent'] };
    case 'speaks':
      if (agent.leaf === null) return { state: 'leaf_down', begins: [disconnectedAt, agent.untoldSince], because: ['disconnected', 'leaf_not_reported'] };
      if (!agent.leaf.available) return { state: 'leaf_down', begins: [disconnectedAt, agent.leaf.changedAt], because: ['disconnected', 'leaf_unavailable'] };
      return { state: 'wan_down', begins: [disconnectedAt], because: ['disconnected', 'leaf_available', 'upstream_disconnected', 'upstream_claimed'] };
  }
}
