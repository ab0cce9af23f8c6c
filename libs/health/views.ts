import type { LeafWord, Witnesses } from './witnesses.js';

/** What the site's agent is good for as a witness. */
export type AgentView =
  | { presence: 'none' }
  /** Since when it has been silent. */
  | { presence: 'silent'; since: Date }
  /** What it says of the leaf, while that is news; else since when it has not said anything. */
  | { presence: 'speaks'; leaf: LeafWord }
  | { presence: 'speaks'; leaf: null; untoldSince: Date };

export function agentView({ agent, agentSilence }: Witnesses, now: Date): AgentView {
  const silentAfter = (at: Date) => new Date(at.getTime() + agentSilence);
  if (agent === null) return { presence: 'none' };
  const since = silentAfter(agent.lastSeenAt);
  if (since <= now) return { presence: 'silent', since };
  if (agent.leaf === null) return { presence: 'speaks', leaf: null, untoldSince: agent.firstSeenAt };
  const untoldSince = silentAfter(agent.leaf.reportedAt);
  return untoldSince <= now ? { presence: 'speaks', leaf: null, untoldSince } : { presence: 'speaks', leaf: agent.leaf };
}

/** When credentials ceased to be good; null where they are. */
export interface CredentialEnds {
  revokedAt: Date | null;
  expiredAt: Date | null;
}

/** What the hub says when it ends a link for its credentials (nats-server, `ClosedState.String()`). */
const REVOKED = 'Credentials Revoked';
const EXPIRED = 'Authentication Expired';

/** By the record, or by what the hub ended the last link for: until the leaf is back, that is so. */
export function credentialEnds({ hub, credentials }: Witnesses, now: Date): CredentialEnds {
  const endedFor = hub.linked ? null : hub.disconnectReason;
  const { revokedAt, expiresAt } = credentials;
  const endedAt = (reason: string) => (endedFor === reason ? hub.disconnectedAt : null);
  return {
    revokedAt: revokedAt ?? endedAt(REVOKED),
    expiredAt: expiresAt !== null && expiresAt <= now ? expiresAt : endedAt(EXPIRED),
  };
}
