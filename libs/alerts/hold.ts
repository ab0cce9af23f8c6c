import type { Condition } from './condition.js';
import type { SiteFacts } from './facts.js';
import type { WatchingRule } from './rule.js';

/** What goes within this time goes together, in milliseconds. */
const WINDOW = 60_000;

/** So many at least, and so large a part of all, go together when it is not the sites: a hub, a network, a power cut of a region. */
const LEAST = 5;
const SHARE = 0.2;

/** That many went at the same time, and when. */
export interface MassEvent {
  from: Date;
  to: Date;
}

/** What holds alerts back, of all sites of a tenant. */
export interface Circumstances {
  /** Since when the hub has been watched without a gap; null when it is not watched now, and nobody knows who is linked. */
  hubWatchedSince: Date | null;
  /** Since when alerts have been evaluated without a gap. */
  evaluatedSince: Date;
  /** When many leaves lost their links at once. */
  massDisconnects: readonly MassEvent[];
  /** When many agents were heard for the last time. */
  massSilences: readonly MassEvent[];
  /** How long whoever went together with many, or while nobody looked, is given to come back, in milliseconds. */
  hold: number;
}

/**
 * When many went within a minute of each other.
 * @param times of those that are gone now
 * @param total of all there are, gone or not
 */
export function massEvents(times: readonly Date[], total: number): MassEvent[] {
  const sorted = times.map((time) => time.getTime()).sort((a, b) => a - b);
  const needed = Math.max(LEAST, Math.ceil(total * SHARE));
  const events: { from: number; to: number }[] = [];
  for (let first = 0, end = 0; first < sorted.length; first++) {
    while (end < sorted.length && sorted[end]! - sorted[first]! <= WINDOW) end++;
    if (end - first < needed) continue;
    const [from, to] = [sorted[first]!, sorted[end - 1]!];
    const before = events.at(-1);
    if (before !== undefined && from <= before.to) before.to = to;
    else events.push({ from, to });
  }
  return events.map(({ from, to }) => ({ from: new Date(from), to: new Date(to) }));
}

/**
 * Until when no alert is to be opened for what is so, though it is: whoever went with many is waited for, and they are told of together.
 * @returns undefined when it is not held; null when nobody knows until when
 */
export function heldUntil(
  { kind, threshold }: Pick<WatchingRule, 'kind' | 'threshold'>,
  { leaf }: Pick<SiteFacts, 'leaf'>,
  condition: Extract<Condition, { state: 'met' }>,
  { hubWatchedSince, evaluatedSince, massDisconnects, massSilences, hold }: Circumstances,
): Date | null | undefined {
  const patience = Math.max(threshold * 1000, hold);
  if (kind === 'disconnected_for') {
    if (hubWatchedSince === null) return null;
    // A leaf that has never connected went with nobody.
    const waits = leaf.disconnectedAt === null ? [] : [endOf(massDisconnects, leaf.disconnectedAt, patience)];
    return latest([later(hubWatchedSince, hold), later(evaluatedSince, hold), ...waits]);
  }
  if (kind === 'agent_silent_for') return latest([later(evaluatedSince, hold), endOf(massSilences, condition.since, patience)]);
  return undefined;
}

const later = (time: Date, by: number) => new Date(time.getTime() + by);

function endOf(events: readonly MassEvent[], time: Date, patience: number): Date | undefined {
  return latest(events.filter(({ from, to }) => from <= time && time <= to).map(({ to }) => later(to, patience)));
}

function latest(dates: readonly (Date | undefined)[]): Date | undefined {
  const known = dates.filter((date) => date !== undefined).map((date) => date.getTime());
  return known.length === 0 ? undefined : new Date(Math.max(...known));
}
