import { type AlertKind, type AlertSeverity, worst } from './rule.js';

/** Alerts that one message lists at most; `total` counts all of them. */
export const LISTED_MAX = 50;

/** `test` is sent to see whether a channel works. */
export type NotificationEvent = 'opened' | 'resolved' | 'test';

/** An alert as it stands in a message. It says all by itself: its site and its rule may be gone when it is sent. */
export interface AlertInMessage {
  id: string;
  kind: AlertKind;
  severity: AlertSeverity;
  rule: { id: string | null; name: string };
  site: { id: string | null; name: string; slug: string };
  summary: string;
  opened_at: string;
  resolved_at: string | null;
  /** Why it is resolved. */
  resolution: string | null;
  detail: Record<string, unknown>;
}

/** What is told of alerts that opened, or resolved, together. */
export interface Notification {
  event: NotificationEvent;
  at: string;
  tenant_id: string;
  /** The worst of them. */
  severity: AlertSeverity;
  total: number;
  /** The worst first, `LISTED_MAX` at most. */
  alerts: AlertInMessage[];
}

export function notificationOf(event: NotificationEvent, tenantId: string, alerts: readonly AlertInMessage[], at: Date): Notification {
  const severity = worst(alerts.map((alert) => alert.severity));
  const first = alerts.filter((alert) => alert.severity === severity);
  const listed = [...first, ...alerts.filter((alert) => alert.severity !== severity)].slice(0, LISTED_MAX);
  return { event, at: at.toISOString(), tenant_id: tenantId, severity, total: alerts.length, alerts: listed };
}

/** In one line. */
export function headlineOf({ event, severity, total, alerts }: Notification): string {
  if (event === 'test') return 'Test message: notifications of alerts arrive here.';
  const [alert] = alerts;
  if (total === 1 && alert !== undefined) {
    return event === 'opened' ? `[${severity}] ${alert.site.name}: ${alert.summary}` : `[resolved] ${alert.site.name}: ${alert.rule.name}`;
  }
  return event === 'opened' ? `[${severity}] ${total} alerts opened` : `[resolved] ${total} alerts resolved`;
}

/** Each alert in a line, and how many are left out. */
export function linesOf({ event, total, alerts }: Notification): string[] {
  const lines = alerts.map(({ severity, site, rule, summary, resolution }) =>
    event === 'opened' ? `[${severity}] ${site.name} (${rule.name}): ${summary}` : `[resolved] ${site.name} (${rule.name}): ${RESOLUTIONS[resolution ?? ''] ?? 'It is over.'}`,
  );
  return total > alerts.length ? [...lines, `… and ${total - alerts.length} more.`] : lines;
}

const RESOLUTIONS: Record<string, string> = {
  recovered: 'It is over.',
  not_watched: 'The rule does not watch the site any more.',
  rule_deleted: 'The rule was deleted.',
  site_deleted: 'The site was deleted.',
};

/** The body of a message to an incoming webhook as Slack has them: `&`, `<` and `>` would be mark-up (https://docs.slack.dev/messaging/formatting-message-text). */
export function slackBodyOf(notification: Notification): { text: string } {
  const text = notification.total > 1 ? [headlineOf(notification), ...linesOf(notification)].join('\n') : headlineOf(notification);
  return { text: text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;') };
}

/** An e-mail: its subject has no line ends, whatever a name holds. */
export function mailOf(notification: Notification): { subject: string; text: string } {
  const subject = headlineOf(notification).replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return { subject: subject.length > 200 ? `${subject.slice(0, 199)}…` : subject, text: `${[headlineOf(notification), '', ...linesOf(notification)].join('\n').trimEnd()}\n` };
}

/** Where it is published in the tenant's NATS account: `alerts.<severity>.<slug of the site>`; `_several` stands for more sites than one, `_test` for none. */
export function natsSubjectOf({ event, severity, total, alerts }: Notification): string {
  const site = event === 'test' ? '_test' : total === 1 && alerts[0] !== undefined ? alerts[0].site.slug : '_several';
  return `alerts.${severity}.${site}`;
}
