export const ALERT_KINDS = ['disconnected_for', 'buffer_full_within', 'cert_expires_within', 'agent_silent_for', 'drifted_for', 'check_failing_for'] as const;

/** What a rule watches. Of `…_for` the threshold is how long it lasts; of `…_within`, how soon it comes. */
export type AlertKind = (typeof ALERT_KINDS)[number];

/** The worst last. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;

export type AlertSeverity = (typeof SEVERITIES)[number];

type Labels = Readonly<Record<string, string>>;

/** What is watched, at which sites. */
export interface WatchingRule {
  id: string;
  kind: AlertKind;
  /** Seconds. */
  threshold: number;
  /** Seconds that it must be over before an alert resolves. What comes back for less counts as not having been back. */
  resolveAfter: number;
  /** Labels that a site must have, all of them; any site will do when empty. */
  labelSelector: Labels;
  /** Of `check_failing_for`: the checks that count; all when empty. */
  checks: readonly string[];
  /** Of `disconnected_for`: whether a leaf counts that was provisioned and has never connected. */
  includesNeverConnected: boolean;
}

/** For whose alerts nobody is told, and until when. What is null is any. */
export interface Silence {
  alertRuleId: string | null;
  edgeSiteId: string | null;
  labelSelector: Labels;
  until: Date;
}

/** Whether a site has all of these labels. */
export const selects = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);

/** Whether nobody is to be told now. */
export const isSilenced = (silences: readonly Silence[], ruleId: string, site: { id: string; labels: Labels }, now: Date): boolean =>
  silences.some(
    ({ alertRuleId, edgeSiteId, labelSelector, until }) =>
      until > now &&
      (alertRuleId === null || alertRuleId === ruleId) &&
      (edgeSiteId === null || edgeSiteId === site.id) &&
      selects(labelSelector, site.labels),
  );

/** The worst of several; `info` of none. */
export const worst = (severities: readonly AlertSeverity[]): AlertSeverity =>
  SEVERITIES.findLast((severity) => severities.includes(severity)) ?? 'info';
