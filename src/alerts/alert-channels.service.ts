import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { Action } from '#libs/contracts';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { AlertChannel, AlertDelivery, type ChannelKind } from '#libs/model';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import type { Precondition } from '../platform/conditional/index.js';
import { Config } from '../platform/config/index.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { type Channel, type ChannelInput, channelOf } from './channel-settings.js';
import { openChannelSecret, sealChannelSecret } from './channel-secrets.js';
import { Outbox } from './outbox.js';

const SUBJECT = 'alert_channel';

@Injectable()
export class AlertChannelsService {
  private readonly options: { plainHttp: boolean };

  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {
    this.options = { plainHttp: config.alertNetworks.length > 0 };
  }

  /** @throws DomainError `forbidden`, `validation_failed` */
  create(caller: Caller, { name, kind, ...input }: ChannelInput & { name: string; kind: ChannelKind }): Promise<AlertChannel> {
    const { tenantId } = caller;
    caller.authorize('create', 'AlertChannel', { tenantId });
    const given = channelOf(kind, input, this.options);
    return this.database.transaction(caller.tenantScope, async (em) => {
      const now = this.clock.now();
      const channel = Object.assign(new AlertChannel(), {
        id: newId(this.clock, this.random),
        tenantId,
        name,
        kind,
        settingsVersion: 1,
        lastSentAt: null,
        failingSince: null,
        lastError: null,
        createdAt: now,
        updatedAt: now,
      });
      this.put(channel, given);
      em.persist(channel);
      this.record(em, caller, 'create', channel.id, { name, kind, ...given.settings });
      return channel;
    });
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<AlertChannel>> {
    const where = { $and: [caller.readable('AlertChannel'), after(query)] } as Where<AlertChannel>;
    const rows = await this.database.em(caller.tenantScope).find(AlertChannel, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** @throws DomainError `not_found` */
  get(caller: Caller, id: string): Promise<AlertChannel> {
    return this.load(this.database.em(caller.tenantScope), caller, id, 'read');
  }

  /**
   * Changes a channel. What it still owes is sent to where it leads now, at once.
   * @throws DomainError `not_found`, `stale`, `validation_failed`
   */
  update(caller: Caller, id: string, { name, ...input }: ChannelInput & { name?: string }, precondition?: Precondition): Promise<AlertChannel> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const channel = await this.load(em, caller, id, 'update', LockMode.PESSIMISTIC_WRITE);
      precondition?.check(channel.settingsVersion, 'alert channel');
      const now = this.clock.now();
      if (name !== undefined) channel.name = name;
      this.put(channel, channelOf(channel.kind, input, this.options, this.contentOf(channel)));
      channel.settingsVersion++;
      channel.updatedAt = now;
      await em.nativeUpdate(AlertDelivery, { alertChannelId: id, status: 'pending', nextAttemptAt: { $gt: now } }, { nextAttemptAt: now });
      const changed = Object.entries({ name, ...input }).flatMap(([field, value]) => (value === undefined ? [] : [field]));
      this.record(em, caller, 'update', id, { changed, ...channel.settings });
      return channel;
    });
  }

  /**
   * Deletes a channel, with what it still owes; no rule tells it of anything any more.
   * @throws DomainError `not_found`, `stale`
   */
  async delete(caller: Caller, id: string, precondition?: Precondition): Promise<void> {
    await this.database.transaction(caller.tenantScope, async (em) => {
      const channel = await this.load(em, caller, id, 'delete', LockMode.PESSIMISTIC_WRITE);
      precondition?.check(channel.settingsVersion, 'alert channel');
      const told = `update alert_rules set channel_ids = array_remove(channel_ids, ?::uuid), settings_version = settings_version + 1 where ?::uuid = any(channel_ids) returning id`;
      const rules = await em.execute<{ id: string }[]>(told, [id, id]);
      em.remove(channel);
      this.record(em, caller, 'delete', id, { name: channel.name, rules: rules.map((rule) => rule.id) });
    });
  }

  /**
   * Sends a message about nothing, once, and not at once: a worker does.
   * @throws DomainError `not_found`
   */
  test(caller: Caller, id: string): Promise<AlertDelivery> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const channel = await this.load(em, caller, id, 'update');
      const delivery = Outbox.test(channel.tenantId, channel.id, this.clock, this.random);
      em.persist(delivery);
      this.record(em, caller, 'test', id, { delivery: delivery.id });
      return delivery;
    });
  }

  /** What was sent by a channel, or is to be, the newest first. @throws DomainError `not_found` */
  deliveries(caller: Caller, id: string, query: PageQuery): Promise<Page<AlertDelivery>> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      await this.load(em, caller, id, 'read');
      const rows = await em.find(AlertDelivery, { alertChannelId: id, ...after(query) }, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
      return pageOf(rows, query.limit);
    });
  }

  private contentOf(channel: AlertChannel): Channel {
    const sealed = channel.secretCiphertext ?? null;
    return { settings: channel.settings, secret: sealed === null ? undefined : openChannelSecret(this.keyRing, channel, sealed) };
  }

  private put(channel: AlertChannel, { settings, secret }: Channel): void {
    channel.settings = settings;
    channel.secretCiphertext = secret === undefined ? null : sealChannelSecret(this.keyRing, channel, secret);
  }

  private async load(em: Em, caller: Caller, id: string, action: Action, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<AlertChannel> {
    const where = { $and: [caller.permitted(action, 'AlertChannel'), { id }] } as Where<AlertChannel>;
    const channel = await em.findOne(AlertChannel, where, { lockMode, populate: ['secretCiphertext'] });
    if (channel === null) throw new DomainError('not_found', 'There is no such alert channel.');
    return channel;
  }

  private record(em: Em, caller: Caller, verb: string, id: string, detail: Record<string, unknown>): void {
    this.audit.record(em, caller, { action: `${SUBJECT}.${verb}`, subjectType: SUBJECT, subjectId: id, detail });
  }
}
