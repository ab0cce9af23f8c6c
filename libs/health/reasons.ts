import type { AgentView, CredentialEnds } from './views.js';
import type { Witnesses } from './witnesses.js';

export const REASON_CODES = [
  'never_connected',
  'connected',
  'disconnected',
  'credentials_revoked',
  'credentials_expired',
  'no_agent',
  'agent_silent',
  'leaf_not_reported',
  'leaf_unavailable',
  'leaf_available',
  'upstream_disconnected',
  'upstream_claimed',
  'drifted',
] as const;

export type ReasonCode = (typeof REASON_CODES)[number];

/** Something that is so. */
export interface Reason {
  code: ReasonCode;
  /** A sentence or two for people. */
  detail: string;
  /** Never after now. */
  since: Date;
}

/** All that is so, in the order of the codes. */
export function reasonsOf(witnesses: Witnesses, ends: CredentialEnds, agent: AgentView, now: Date): Reason[] {
  const reasons: Reason[] = [];
  const add = (code: ReasonCode, since: Date, detail: string) => reasons.push({ code, detail, since: since < now ? since : now });
  addOfHub(witnesses, add);
  if (ends.revokedAt) add('credentials_revoked', ends.revokedAt, 'The credentials that the leaf has are revoked: install the newest bundle at the site.');
  if (ends.expiredAt) add('credentials_expired', ends.expiredAt, 'The credentials that the leaf has are no longer valid: install the newest bundle at the site.');
  addOfAgent(witnesses, agent, add);
  if (witnesses.driftedSince) add('drifted', witnesses.driftedSince, 'What the site reports to run is not what it should run: its files were changed there, or are older.');
  return reasons;
}

type Add = (code: ReasonCode, since: Date, detail: string) => void;

function addOfHub({ createdAt, hub }: Witnesses, add: Add): void {
  if (hub.connectedAt === null) return add('never_connected', createdAt, 'The leaf has never connected to the hub: install the bundle at the site.');
  if (hub.linked) return add('connected', hub.connectedAt, 'The leaf is connected to the hub.');
  const words = hub.disconnectReason === null ? '' : ` The hub’s reason: ${hub.disconnectReason}.`;
  add('disconnected', hub.disconnectedAt ?? hub.connectedAt, `The leaf is not connected to the hub.${words}`);
}

function addOfAgent({ createdAt, hub, agentSilence }: Witnesses, view: AgentView, add: Add): void {
  switch (view.presence) {
    case 'none':
      // It matters where the hub alone cannot tell.
      if (hub.linked || hub.connectedAt === null) return;
      return add('no_agent', createdAt, 'No agent has ever come from the site: without one, nobody can tell whether the leaf or its way to the hub is down.');
    case 'silent':
      return add('agent_silent', view.since, `The agent of the site has said nothing for ${agentSilence / 1000} seconds or more.`);
    case 'speaks':
  }
  if (view.leaf === null) return add('leaf_not_reported', view.untoldSince, 'The agent of the site speaks, and says nothing of the leaf.');
  const { available, upstreamConnected, changedAt, reportedAt } = view.leaf;
  // What it said before the leaf connected is no news any more.
  if (hub.linked && reportedAt <= hub.connectedAt!) return;
  if (!available) return add('leaf_unavailable', changedAt, 'The agent says that the leaf does not answer, or is not well.');
  add('leaf_available', changedAt, 'The agent says that the leaf is up.');
  const since = (hub.linked ? undefined : hub.disconnectedAt) ?? changedAt;
  if (upstreamConnected === false) add('upstream_disconnected', since, 'The agent says that the leaf is not connected upstream.');
  if (upstreamConnected === true && !hub.linked) add('upstream_claimed', since, reportedAt <= since ? NOT_SINCE : DISAGREE);
}

const NOT_SINCE = 'The agent has not spoken of the leaf since its link ended; before, the leaf was connected upstream.';
const DISAGREE = 'The agent says that the leaf is connected upstream, and the hub sees no link: the link may be half open, or lead to another server.';
