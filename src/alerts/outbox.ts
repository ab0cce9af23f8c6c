import { type AlertInMessage, type NotificationEvent, notificationOf } from '#libs/alerts';
import { type Clock, newId, type Random } from '#libs/kernel';
import { type Alert, AlertDelivery, AlertDeliveryItem } from '#libs/model';
import type { Em } from '../platform/database/index.js';

/** Rows of one statement. */
const CHUNK = 1_000;

/** What is to be told in the transaction that makes it so: one message for each channel and event, however many alerts there are. */
export class Outbox {
  readonly #told = new Map<string, { event: NotificationEvent; channelId: string; alerts: Alert[] }>();

  constructor(
    private readonly tenantId: string,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** @param channelIds channels that are there */
  tell(event: NotificationEvent, channelIds: readonly string[], alert: Alert): void {
    for (const channelId of channelIds) {
      const key = `${event} ${channelId}`;
      const told = this.#told.get(key) ?? { event, channelId, alerts: [] };
      told.alerts.push(alert);
      this.#told.set(key, told);
    }
  }

  /** A message about no alert. */
  static test(tenantId: string, channelId: string, clock: Clock, random: Random): AlertDelivery {
    return deliveryOf({ tenantId, event: 'test', channelId, alerts: [] }, clock, random);
  }

  /** Writes what is told. The alerts are on record by then. */
  async write(em: Em): Promise<void> {
    for (const { event, channelId, alerts } of this.#told.values()) {
      const delivery = deliveryOf({ tenantId: this.tenantId, event, channelId, alerts }, this.clock, this.random);
      await em.insert(delivery);
      const items = alerts.map(({ id }) => ({ alertDeliveryId: delivery.id, alertId: id, tenantId: this.tenantId }));
      for (let at = 0; at < items.length; at += CHUNK) await em.insertMany(AlertDeliveryItem, items.slice(at, at + CHUNK));
    }
  }
}

function deliveryOf({ tenantId, event, channelId, alerts }: { tenantId: string; event: NotificationEvent; channelId: string; alerts: Alert[] }, clock: Clock, random: Random): AlertDelivery {
  const now = clock.now();
  return Object.assign(new AlertDelivery(), {
    id: newId(clock, random),
    tenantId,
    alertChannelId: channelId,
    event,
    status: 'pending' as const,
    notification: notificationOf(event, tenantId, alerts.map(inMessage), now),
    attempts: 0,
    nextAttemptAt: now,
    lastError: null,
    sentAt: null,
    createdAt: now,
  });
}

const inMessage = (alert: Alert): AlertInMessage => ({
  id: alert.id,
  kind: alert.kind,
  severity: alert.severity,
  rule: { id: alert.alertRuleId ?? null, name: alert.ruleName },
  site: { id: alert.edgeSiteId ?? null, name: alert.siteName, slug: alert.siteSlug },
  summary: alert.summary,
  opened_at: alert.openedAt.toISOString(),
  resolved_at: alert.resolvedAt?.toISOString() ?? null,
  resolution: alert.resolution ?? null,
  detail: alert.detail,
});
