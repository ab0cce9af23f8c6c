import type { NatsConnection } from '@nats-io/transport-node';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type Clock, forEachOf, grouped } from '#libs/kernel';
import { type HubConnection as HubLink, kick, LEAF_LINKS_SUBJECT, parseLeafLinks, parsePresenceEvent, PRESENCE_SUBJECTS, type PresenceEvent } from '#libs/nats';
import { type LeafChange, LeafPresence, type PresentLeaf } from '../edge-sites/index.js';
import { ControlLinks } from '../leaf-accounts/index.js';
import { HubConnection } from '../nats/index.js';
import { CLOCK } from '../platform/clock.js';
import { Sweep } from '../platform/sweep.js';
import { HUB_GAP, Watches } from '../platform/watches.js';
import { Leadership } from './leadership.js';
import { LeafDirectory, type LeafUser } from './leaf-directory.js';
import { MonitorMetrics } from './monitor-metrics.js';

/** How often another process may find that the leader is gone, in milliseconds. */
const LEADERSHIP_INTERVAL = 2_000;

/** How often what is recorded is compared with what the hub has, in milliseconds. */
const RECONCILE_INTERVAL = 30_000;

/** How long a server of the hub that holds leaves may take to list them before it is taken to be gone, in milliseconds. */
const PATIENCE = 2_000;

/** Events that are recorded together at most: what has come while those before them were. A tenant's take two commits, however many they are. */
const BATCH = 5_000;

/** Transactions that record such events side by side. */
const TENANTS_AT_ONCE = 4;

type RecordedChange = LeafUser & { type: LeafChange['type']; linkId: string; at: Date; reason: string | null };

/** Brings what the hub sees of leaves to the record. One process at a time does, the others stand by. */
@Injectable()
export class HubMonitor implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(HubMonitor.name);
  private readonly standby = new Sweep(LEADERSHIP_INTERVAL, () => this.lead(), this.logger);
  private readonly reconciling = new Sweep(RECONCILE_INTERVAL, () => this.enqueue(() => this.reconcile()), this.logger);
  /** Events in the order in which they came, and what is compared in between: one after the other. */
  #last: Promise<void> = Promise.resolve();
  /** Events that wait for those before them. */
  readonly #heard: PresenceEvent[] = [];
  /** Events that are being recorded. */
  #recording = 0;
  /** The connection that is subscribed on. */
  #listening: NatsConnection | undefined;
  /** Whether events may have been missed of which it is not on record yet that the hub was not watched, and control links not compared yet. */
  readonly #gap = { watch: false, controlLinks: false };
  #ending = false;

  constructor(
    private readonly leadership: Leadership,
    private readonly hub: HubConnection,
    private readonly directory: LeafDirectory,
    private readonly presence: LeafPresence,
    private readonly controlLinks: ControlLinks,
    private readonly metrics: MonitorMetrics,
    private readonly watches: Watches,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.metrics.watch(() => this.#heard.length + this.#recording);
    this.hub.onConnected((connection) => this.listen(connection));
    this.standby.start();
    this.reconciling.start();
  }

  /** What waits is left to the next leader, which compares: of a tenant with hundreds of leaves it may be minutes of work. */
  async onModuleDestroy(): Promise<void> {
    this.#ending = true;
    await this.standby.stop();
    await this.reconciling.stop();
    await this.#last;
    await this.leadership.release();
  }

  private async lead(): Promise<void> {
    if (this.leadership.held) return;
    const leads = await this.leadership.take(() => this.logger.warn('no longer the leader: the database is away'));
    if (!leads) return;
    this.logger.log('leads the monitoring of the hub');
    // Whatever came and went while nobody led is found by comparing.
    await this.enqueue(() => this.reconcile({ afterGap: true }));
  }

  /** Subscriptions outlive reconnects of the connection; what happened in between is found by comparing. */
  private async listen(connection: NatsConnection): Promise<void> {
    if (this.#listening !== connection) {
      this.#listening = connection;
      for (const subject of PRESENCE_SUBJECTS) {
        connection.subscribe(subject, {
          callback: (error, message) => {
            if (error !== null) this.logger.warn({ err: error }, 'an event of the hub was not received');
            else this.heard(message.data);
          },
        });
      }
    }
    await this.enqueue(() => this.reconcile({ afterGap: true }));
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(() => (this.#ending ? undefined : work())).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'the presence of leaves was not recorded; comparing will find it');
    });
    return this.#last;
  }

  /** Most events are of clients, and are of no interest here. */
  private heard(payload: Uint8Array): void {
    try {
      const event = parsePresenceEvent(payload);
      if (event?.kind === 'leafnode' && this.#heard.push(event) === 1) void this.enqueue(() => this.takeAll());
    } catch (error) {
      this.logger.warn({ err: error }, 'an event of the hub was not understood');
    }
  }

  /** Takes what has come meanwhile together: when a hub starts, all of its leaves come at once. */
  private async takeAll(): Promise<void> {
    const events = this.#heard.splice(0, BATCH);
    if (this.#heard.length > 0) void this.enqueue(() => this.takeAll());
    if (!this.leadership.held) return;
    this.#recording = events.length;
    await this.recordAll(events).finally(() => (this.#recording = 0));
  }

  private async recordAll(events: readonly PresenceEvent[]): Promise<void> {
    const users = await this.directory.ofUsers(events.map(({ userPublicKey }) => userPublicKey));
    const changes = events.flatMap((event) => {
      const user = users.get(event.userPublicKey);
      return user ? [changeOf(event, user)] : [];
    });
    for (const { purpose, tenantId, edgeSiteId, generation, linkId, type, reason } of changes) {
      this.logger.log({ purpose, tenantId, edgeSiteId, generation, linkId, reason }, `leaf ${type}`);
    }
    await forEachOf([...grouped(changes, ({ tenantId }) => tenantId)], TENANTS_AT_ONCE, ([tenantId, ofTenant]) => this.record(tenantId, ofTenant));
  }

  /** What fails of one tenant keeps no other's from the record. */
  private async record(tenantId: string, changes: readonly RecordedChange[]): Promise<void> {
    try {
      const of = (purpose: LeafUser['purpose']) => changes.filter((change) => change.purpose === purpose);
      await this.presence.record(tenantId, of('leaf'));
      await this.controlLinks.record(tenantId, of('leaf_control'));
      this.metrics.recorded(changes);
    } catch (error) {
      this.logger.warn({ err: error, tenantId }, 'the presence of leaves was not recorded; comparing will find it');
    }
  }

  /** Ends a link of which it is not known who it is. The leaf is back within a second, and its CONNECT names its user. */
  private async askAgain({ edgeSiteId, linkId }: PresentLeaf): Promise<void> {
    this.logger.log({ edgeSiteId, linkId }, 'a leaf connected while nobody looked; it is asked to connect again');
    const { subject, payload } = kick(linkId);
    await this.hub.request(subject, payload);
  }

  /** The links that the servers of the hub list. Without the answer of a server its leaves would seem to be gone: a slow one is waited for. */
  private async links(): Promise<HubLink[]> {
    const ask = async (options?: { stall: number }) => (await this.hub.requestAll(LEAF_LINKS_SUBJECT, undefined, options)).map(parseLeafLinks);
    let lists = await ask();
    const answered = new Set(lists.map(({ hubServerId }) => hubServerId));
    if ((await this.presence.hubServers()).some((id) => !answered.has(id))) lists = await ask({ stall: PATIENCE });
    return lists.flatMap(({ links }) => links);
  }

  /** @param afterGap whether events may have been missed since the last time. A comparison that fails leaves it to the next one. */
  private async reconcile({ afterGap = false } = {}): Promise<void> {
    if (afterGap) Object.assign(this.#gap, { watch: true, controlLinks: true });
    if (!this.leadership.held || !this.hub.connected) return;
    const at = this.clock.now();
    const links = await this.links();
    const uncertain = await this.presence.reconcile(await this.directory.ofLinks(links, at));
    for (const link of uncertain) await this.askAgain(link);
    await this.watches.seen('hub', at, HUB_GAP, { afterGap: this.#gap.watch });
    // On its own: what fails from now on is not to hold everybody's alerts back for longer.
    this.#gap.watch = false;
    await this.controlLinks.reconcile(await this.directory.controlLinks(links, at), { afterGap: this.#gap.controlLinks, now: at });
    this.#gap.controlLinks = false;
  }
}

const changeOf = ({ type, linkId, at, reason }: PresenceEvent, user: LeafUser): RecordedChange => ({ ...user, type, linkId, at, reason: reason ?? null });
