import { Inject, Injectable } from '@nestjs/common';
import { natsSubjectOf, type Notification } from '#libs/alerts';
import type { Clock } from '#libs/kernel';
import { AlertChannel, AlertDelivery } from '#libs/model';
import { TenantConnections } from '../nats/index.js';
import { CLOCK } from '../platform/clock.js';
import { Config } from '../platform/config/index.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { openChannelSecret } from './channel-secrets.js';
import { Destinations } from './channels/destination.js';
import { Mailer } from './channels/mailer.js';
import { NotSent } from './channels/not-sent.js';
import { type Message, sendSlack, sendWebhook } from './channels/webhook.js';

/** Deliveries that are sent side by side, each to another channel. */
const BATCH = 20;

/** Seconds after which a try is given up for lost: its worker has died. No try takes as long. */
const LEASE = 60;

/** Seconds between two tries; after as many and one, about an hour, it has failed. */
export const DELAYS = [10, 30, 60, 120, 300, 900, 1_800] as const;

/** A channel's oldest one only, so that nobody hears that it is over before it began. Whoever tests a channel does not wait for what it owes. */
const CLAIM = `
  update alert_deliveries set attempts = attempts + 1, next_attempt_at = ?::timestamptz + make_interval(secs => ?)
   where id in (
     select d.id from alert_deliveries d
      where d.status = 'pending' and d.next_attempt_at <= ?
        and (d.event = 'test' or not exists (
          select from alert_deliveries before
           where before.alert_channel_id = d.alert_channel_id and before.status = 'pending' and before.event <> 'test' and before.id < d.id))
      order by d.next_attempt_at limit ? for update skip locked)
  returning id, tenant_id as "tenantId", alert_channel_id as "channelId", event, notification, attempts`;

interface Claimed {
  id: string;
  tenantId: string;
  channelId: string;
  event: string;
  notification: Notification;
  attempts: number;
}

/** Sends what is on record to be sent. A message may arrive twice, with the same id, when a worker dies with it; none is lost. */
@Injectable()
export class DeliverySender {
  private readonly destinations: Destinations;
  private readonly mailer: Mailer;

  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    private readonly connections: TenantConnections,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.destinations = new Destinations(config.alertNetworks);
    this.mailer = new Mailer(config.mail);
  }

  /**
   * Sends what is due.
   * @returns how many were tried
   * @throws what is no matter of a channel, after it is noted as well: a secret that does not open, the database
   */
  async run(): Promise<number> {
    let tried = 0;
    for (let claimed = await this.claim(); claimed.length > 0; claimed = await this.claim()) {
      const settled = await Promise.allSettled(claimed.map((delivery) => this.attempt(delivery)));
      tried += claimed.length;
      const broken = settled.find((one) => one.status === 'rejected');
      if (broken !== undefined) throw broken.reason as Error;
    }
    return tried;
  }

  private claim(): Promise<Claimed[]> {
    const now = this.clock.now();
    return this.database.statement<Claimed>(PLATFORM, CLAIM, [now, LEASE, now, BATCH]);
  }

  private async attempt(delivery: Claimed): Promise<void> {
    const error = await this.send(delivery).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    await this.note(delivery, error);
  }

  private async send({ id, tenantId, channelId, notification }: Claimed): Promise<void> {
    const channel = await this.database.em({ tenantId }).findOne(AlertChannel, { id: channelId }, { populate: ['secretCiphertext'] });
    // It was deleted meanwhile, and its deliveries with it.
    if (channel === null) return;
    const message: Message = { id, notification };
    const secret = channel.secretCiphertext == null ? undefined : openChannelSecret(this.keyRing, channel, channel.secretCiphertext);
    switch (channel.kind) {
      case 'webhook':
        return sendWebhook(message, { url: secret!.url, key: secret!.key! }, this.clock.now(), this.destinations);
      case 'slack':
        return sendSlack(message, secret!, this.destinations);
      case 'email':
        return this.mailer.send(message, channel.settings.recipients ?? []);
      case 'nats':
        return this.publish(tenantId, message);
    }
  }

  /** Core NATS keeps nothing: whoever listens hears it, and a stream that the tenant has for the subject stores it once. */
  private async publish(tenantId: string, { id, notification }: Message): Promise<void> {
    try {
      await this.connections.use(tenantId, 'alerts', async (connection) => {
        connection.publish(natsSubjectOf(notification), JSON.stringify({ id, ...notification }));
        await connection.flush();
      });
    } catch (error) {
      throw new NotSent('The hub could not be reached.', false, error);
    }
  }

  private async note({ id, tenantId, channelId, event, attempts }: Claimed, error: unknown): Promise<void> {
    const now = this.clock.now();
    await this.database.transaction({ tenantId }, async (em) => {
      const pending = { id, status: 'pending' as const };
      if (error === undefined) {
        await em.nativeUpdate(AlertDelivery, pending, { status: 'sent', sentAt: now, lastError: null });
        await em.nativeUpdate(AlertChannel, { id: channelId }, { lastSentAt: now, failingSince: null });
        return;
      }
      const lastError = error instanceof NotSent ? error.message : 'The message could not be made. Whoever runs the service finds the reason in its log.';
      const delay = event === 'test' || (error instanceof NotSent && error.isFinal) ? undefined : DELAYS[attempts - 1];
      const next = delay === undefined ? { status: 'failed' as const } : { nextAttemptAt: new Date(now.getTime() + delay * 1000) };
      await em.nativeUpdate(AlertDelivery, pending, { ...next, lastError });
      await em.execute('update alert_channels set failing_since = coalesce(failing_since, ?), last_error = ? where id = ? returning id', [now, lastError, channelId]);
    });
    if (error !== undefined && !(error instanceof NotSent)) throw new Error(`The delivery ${id} was not sent.`, { cause: error });
  }
}
