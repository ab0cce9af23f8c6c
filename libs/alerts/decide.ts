import { type Condition, conditionOf } from './condition.js';
import type { SiteFacts } from './facts.js';
import { type Circumstances, heldUntil } from './hold.js';
import { isSilenced, type Silence, type WatchingRule } from './rule.js';

/** The alert of a rule and a site that is not resolved. */
export interface PresentAlert {
  status: 'open' | 'acknowledged';
  /** Since when what it is about has been over; null while it is not. */
  clearSince: Date | null;
}

/** What is to be done. Of whoever is to be told of it, `tells` says whether now. */
export type Decision =
  | { type: 'open'; condition: Extract<Condition, { state: 'met' }>; tells: boolean }
  | { type: 'resolve'; at: Date }
  | { type: 'keep'; condition: Condition; clearSince: Date | null; tells: boolean }
  | { type: 'nothing' };

/**
 * What to do about a rule and a site that it is for.
 * @param alert the one that is not resolved; undefined when there is none
 */
export function decide(
  rule: WatchingRule,
  site: SiteFacts,
  alert: PresentAlert | undefined,
  silences: readonly Silence[],
  circumstances: Circumstances,
  now: Date,
): Decision {
  const condition = conditionOf(rule, site, now);
  const isSilent = () => isSilenced(silences, rule.id, site, now);
  if (alert === undefined) {
    if (condition.state === 'clear') return { type: 'nothing' };
    const held = heldUntil(rule, site, condition, circumstances);
    if (held === null || (held !== undefined && held > now)) return { type: 'nothing' };
    return { type: 'open', condition, tells: !isSilent() };
  }
  const clearSince = condition.state === 'met' ? null : (alert.clearSince ?? condition.since ?? now);
  if (clearSince !== null && now.getTime() - clearSince.getTime() >= rule.resolveAfter * 1000) return { type: 'resolve', at: now };
  // Whoever acknowledged it knows.
  return { type: 'keep', condition, clearSince, tells: alert.status === 'open' && condition.state === 'met' && !isSilent() };
}
