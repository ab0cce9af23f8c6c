import { ApiProperty } from '@nestjs/swagger';
import type { NotificationEvent } from '#libs/alerts';
import { type AlertDelivery, DELIVERY_STATUSES, type DeliveryStatus } from '#libs/model';

const EVENTS = ['opened', 'resolved', 'test'] as const satisfies readonly NotificationEvent[];

/** A message about one alert, or about several that opened or resolved together. */
export class AlertDeliveryDto {
  /**
   * As in the message, the same at each try: a message may arrive twice.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed4"
   */
  id!: string;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed1" */
  channel_id!: string;

  @ApiProperty({ enum: EVENTS, enumName: 'AlertDeliveryEvent', example: 'opened' })
  event!: NotificationEvent;

  /** Failed when it has been given up: after eight tries in about an hour, or when it was refused for good. */
  @ApiProperty({ enum: DELIVERY_STATUSES, enumName: 'AlertDeliveryStatus', example: 'sent' })
  status!: DeliveryStatus;

  /** @example 1 */
  attempts!: number;

  /**
   * When it is tried next; null when it is not.
   * @example "2026-11-24T10:05:10.000Z"
   */
  next_attempt_at!: string | null;

  /**
   * Why the last try failed.
   * @example "alerts.acme.example answered 503."
   */
  last_error!: string | null;

  /** @example "2026-11-24T10:05:01.000Z" */
  sent_at!: string | null;

  /** @example "2026-11-24T10:05:00.000Z" */
  created_at!: string;
}

export const toAlertDeliveryDto = (delivery: AlertDelivery): AlertDeliveryDto => ({
  id: delivery.id,
  channel_id: delivery.alertChannelId,
  event: delivery.event,
  status: delivery.status,
  attempts: delivery.attempts,
  next_attempt_at: delivery.status === 'pending' ? delivery.nextAttemptAt.toISOString() : null,
  last_error: delivery.lastError ?? null,
  sent_at: delivery.sentAt?.toISOString() ?? null,
  created_at: delivery.createdAt.toISOString(),
});
