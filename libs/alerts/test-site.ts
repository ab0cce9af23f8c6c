import type { LeafFacts, SiteFacts } from './facts.js';
import type { WatchingRule } from './rule.js';

/** Where the clock stands. */
export const NOW = new Date('2026-11-24T12:00:00Z');

/** So many seconds before that. */
export const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

export const LEAF: LeafFacts = {
  linked: true,
  connectedAt: ago(86_400),
  disconnectedAt: null,
  disconnectReason: null,
  provisionedAt: ago(90_000),
  certExpiresAt: null,
  driftedSince: null,
  bufferFullAt: null,
};

/** A leaf that has been gone for so many seconds. */
export const gone = (seconds: number): LeafFacts => ({ ...LEAF, linked: false, disconnectedAt: ago(seconds), disconnectReason: 'Client Closed' });

export const siteOf = (leaf: Partial<LeafFacts> = {}, rest: Partial<SiteFacts> = {}): SiteFacts => ({
  id: 'site-1',
  name: 'New York',
  slug: 'new-york',
  labels: { region: 'east' },
  leaf: { ...LEAF, ...leaf },
  agents: [],
  unsteadySince: new Map(),
  ...rest,
});

export const ruleOf = (rule: Partial<WatchingRule> = {}): WatchingRule => ({
  id: 'rule-1',
  kind: 'disconnected_for',
  threshold: 300,
  resolveAfter: 60,
  labelSelector: {},
  checks: [],
  includesNeverConnected: false,
  ...rule,
});
