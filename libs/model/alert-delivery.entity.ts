import type { Notification, NotificationEvent } from '#libs/alerts';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

export const DELIVERY_STATUSES = ['pending', 'sent', 'failed'] as const;

export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

const schema = defineEntity({
  name: 'AlertDelivery',
  tableName: 'alert_deliveries',
  ...tenantOwned,
  properties: {
    /** The same at each try: whoever gets it twice knows it by this. */
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    alertChannelId: p.uuid(),
    event: p.string().$type<NotificationEvent>(),
    status: p.string().$type<DeliveryStatus>(),
    notification: p.json<Notification>().lazy(),
    /** Those that were begun. */
    attempts: p.integer(),
    /** While one is under way, when it is given up for lost. */
    nextAttemptAt: p.datetime(),
    lastError: p.string().nullable(),
    sentAt: p.datetime().nullable(),
    createdAt: p.datetime(),
  },
});

/** One message to one channel, about one alert or several. It is written with what it tells of, and sent after. */
export class AlertDelivery extends schema.class {}
schema.setClass(AlertDelivery);

const itemSchema = defineEntity({
  name: 'AlertDeliveryItem',
  tableName: 'alert_delivery_items',
  ...tenantOwned,
  properties: {
    alertDeliveryId: p.uuid().primary(),
    alertId: p.uuid().primary(),
    tenantId: p.uuid(),
  },
});

/** An alert that a delivery tells of. */
export class AlertDeliveryItem extends itemSchema.class {}
itemSchema.setClass(AlertDeliveryItem);
