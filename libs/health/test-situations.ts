import type { AgentWitness, CredentialsWitness, HubWitness, LeafWord, Witnesses } from './witnesses.js';

export const AGENT_SILENCE = 90_000;

export const NOW = new Date('2026-11-26T12:00:00Z');

/** Minutes before now. */
export const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);

/** When the link began or ended. What agents say is older or newer. */
const CHANGE = new Date(NOW.getTime() - 30_000);
const BEFORE = new Date(NOW.getTime() - 45_000);
const AFTER = new Date(NOW.getTime() - 15_000);
const LONG_AGO = ago(60);

const gone = (disconnectReason: string | null): HubWitness => ({ linked: false, connectedAt: LONG_AGO, disconnectedAt: CHANGE, disconnectReason });

export const HUB: Record<string, HubWitness> = {
  'never': { linked: false, connectedAt: null, disconnectedAt: null, disconnectReason: null },
  'link': { linked: true, connectedAt: CHANGE, disconnectedAt: LONG_AGO, disconnectReason: null },
  'link again, cut for revoked before': { linked: true, connectedAt: CHANGE, disconnectedAt: LONG_AGO, disconnectReason: 'Credentials Revoked' },
  'no link': gone(null),
  'no link, stale': gone('Stale Connection'),
  'no link, cut for revoked': gone('Credentials Revoked'),
  'no link, cut for expired': gone('Authentication Expired'),
};

export const CREDENTIALS: Record<string, CredentialsWitness> = {
  'good': { expiresAt: new Date(NOW.getTime() + 1), revokedAt: null },
  'none on record': { expiresAt: null, revokedAt: null },
  'ended': { expiresAt: ago(10), revokedAt: null },
  'revoked': { expiresAt: new Date(NOW.getTime() + 1), revokedAt: ago(5) },
  'both': { expiresAt: ago(10), revokedAt: ago(5) },
};

export const DRIFT: Record<string, Date | null> = { no: null, yes: ago(20) };

const word = (reportedAt: Date, available: boolean, upstreamConnected: boolean | null): LeafWord => ({ available, upstreamConnected, reportedAt, changedAt: LONG_AGO });
const seen = (lastSeenAt: Date, leaf: LeafWord | null): AgentWitness => ({ firstSeenAt: LONG_AGO, lastSeenAt, leaf });
const silent = new Date(NOW.getTime() - AGENT_SILENCE);

export const AGENTS: Record<string, AgentWitness | null> = {
  'none': null,
  'silent': seen(silent, null),
  'silent, said up': seen(silent, word(silent, true, true)),
  'silent, said down': seen(silent, word(silent, false, null)),
  'of the leaf nothing': seen(AFTER, null),
  'of the leaf long nothing': seen(AFTER, word(silent, true, true)),
  'before: down': seen(AFTER, word(BEFORE, false, null)),
  'before: up, no upstream': seen(AFTER, word(BEFORE, true, false)),
  'before: up, upstream': seen(AFTER, word(BEFORE, true, true)),
  'after: down': seen(AFTER, word(AFTER, false, null)),
  'after: up, upstream unknown': seen(AFTER, word(AFTER, true, null)),
  'after: up, no upstream': seen(AFTER, word(AFTER, true, false)),
  'long after: down': seen(NOW, word(NOW, false, null)),
  'long after: up, no upstream': seen(NOW, word(NOW, true, false)),
  'after: up, upstream': seen(AFTER, word(AFTER, true, true)),
};

/** A situation of each combination. */
export function* situations(): Generator<{ hub: string; credentials: string; drift: string; agent: string; witnesses: Witnesses }> {
  for (const hub of Object.keys(HUB))
    for (const credentials of Object.keys(CREDENTIALS))
      for (const drift of Object.keys(DRIFT))
        for (const agent of Object.keys(AGENTS))
          yield {
            ...{ hub, credentials, drift, agent },
            witnesses: { createdAt: ago(600), hub: HUB[hub]!, credentials: CREDENTIALS[credentials]!, driftedSince: DRIFT[drift]!, agent: AGENTS[agent]!, agentSilence: AGENT_SILENCE },
          };
}
