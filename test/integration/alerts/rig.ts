import { type Clock, systemRandom } from '#libs/kernel';
import { NatsLeafServer } from '#libs/model';
import { type Api, ok } from '../../../lab/api.js';
import { AlertEvaluator, DeliverySender } from '../../../src/alerts/index.js';
import type { AlertChannelDto } from '../../../src/alerts/dto/alert-channel.dto.js';
import type { AlertDeliveryDto } from '../../../src/alerts/dto/alert-delivery.dto.js';
import type { AlertDto } from '../../../src/alerts/dto/alert.dto.js';
import type { AlertRuleDto } from '../../../src/alerts/dto/alert-rule.dto.js';
import { TenantConnections } from '../../../src/nats/index.js';
import { Config } from '../../../src/platform/config/index.js';
import { type Database, PLATFORM } from '../../../src/platform/database/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { Watches } from '../../../src/platform/watches.js';
import { startTestApp, type TestApp } from '../../support/app.js';

/** Where receivers of tests are. */
export const LOOPBACK = '127.0.0.0/8,::1';

interface Page<T> {
  data: T[];
}

/** The API, and a worker whose clock the test sets: nothing happens but what the test has it do. */
export class Rig {
  /** Seconds since the test began, of the worker's clock. */
  #seconds = 0;
  readonly #start = new Date();
  readonly clock: Clock = { now: () => this.at(this.#seconds) };

  private constructor(
    readonly app: TestApp,
    readonly tenant: { id: string; slug: string; api: Api },
  ) {}

  static async start(env: Record<string, string> = { ALERT_NETWORKS: LOOPBACK }): Promise<Rig> {
    const app = await startTestApp({ ROLES: 'api', ...env });
    const rig = new Rig(app, await app.tenant('Acme'));
    await rig.watched(-3_600);
    return rig;
  }

  get api(): Api {
    return this.tenant.api;
  }

  get database(): Database {
    return this.app.database.database;
  }

  /** @param seconds since the test began */
  at(seconds: number): Date {
    return new Date(this.#start.getTime() + seconds * 1000);
  }

  /** Sets the worker's clock. */
  set(seconds: number): void {
    this.#seconds = seconds;
  }

  /** The hub has been watched since then, and alerts have been evaluated. */
  async watched(since: number): Promise<void> {
    const sql = `insert into watches values ('hub', ?, ?), ('alerts', ?, ?) on conflict (name) do update set watched_since = excluded.watched_since, seen_at = excluded.seen_at returning name`;
    const [from, to] = [this.at(since), this.clock.now()];
    await this.database.statement(PLATFORM, sql, [from, to, from, to]);
  }

  /** Evaluates at that time. @param options.hub whether the monitor has looked at the hub until then */
  async evaluate(seconds: number, { hub = true } = {}): Promise<void> {
    this.set(seconds);
    const sql = `update watches set seen_at = ? where name = 'alerts' or ? returning name`;
    await this.database.statement(PLATFORM, sql, [this.clock.now(), hub]);
    await this.evaluator().run((error) => {
      throw error as Error;
    });
  }

  /** Evaluates at that time, and nobody has for as long as the rows say. */
  async evaluateAfterGap(seconds: number): Promise<void> {
    this.set(seconds);
    await this.database.statement(PLATFORM, `update watches set seen_at = ? where name = 'hub' returning name`, [this.clock.now()]);
    await this.evaluator().run((error) => {
      throw error as Error;
    });
  }

  evaluator(database = this.database): AlertEvaluator {
    return new AlertEvaluator(database, new Watches(database), this.app.service.app.get(Config), this.clock, systemRandom);
  }

  /** Sends what is due at that time. @returns how many tries there were */
  async send(seconds: number): Promise<number> {
    this.set(seconds);
    return this.sender().run();
  }

  sender(database = this.database): DeliverySender {
    const { app } = this.app.service;
    return new DeliverySender(database, app.get(KeyRing), app.get(TenantConnections, { strict: false }), app.get(Config), this.clock);
  }

  /** @returns its id */
  async site(name: string, labels: Record<string, string> = {}): Promise<string> {
    return (await ok(this.api.post<{ id: string }>('/admin/edge-sites', { name, slug: `site-${(this.#sites += 1)}`, labels }))).id;
  }
  #sites = 0;

  /** As many copies of a site. @returns their ids */
  async copies(siteId: string, count: number): Promise<string[]> {
    const copy = (table: string, alias: string, over: string, from: string) =>
      `insert into ${table} select (jsonb_populate_record(${alias}, ${over})).* from ${table} ${alias} ${from} returning id`;
    const sites = copy('edge_sites', 's', `jsonb_build_object('id', gen_random_uuid(), 'slug', 'copy-' || n, 'name', 'Copy ' || n)`, 'cross join generate_series(1, ?) n where s.id = ?');
    const ids = (await this.database.statement<{ id: string }>(PLATFORM, sites, [count, siteId])).map(({ id }) => id);
    const over = `jsonb_build_object('id', gen_random_uuid(), 'edge_site_id', s.id, 'jetstream_domain', s.slug)`;
    const leaves = copy('nats_leaf_servers', 'l', over, `join edge_sites s on s.slug like 'copy-%' where l.edge_site_id = ?`);
    await this.database.statement(PLATFORM, leaves, [siteId]);
    return ids;
  }

  /** Sets columns of leaves. */
  async leaf(siteIds: string | string[], columns: Partial<NatsLeafServer>): Promise<void> {
    await this.database.em(PLATFORM).nativeUpdate(NatsLeafServer, { edgeSiteId: siteIds }, columns);
  }

  connected(siteIds: string | string[], seconds: number): Promise<void> {
    return this.leaf(siteIds, { linkId: 'HUB:1', connectedAt: this.at(seconds), status: 'connected' });
  }

  disconnected(siteIds: string | string[], seconds: number): Promise<void> {
    return this.leaf(siteIds, { linkId: null, disconnectedAt: this.at(seconds), disconnectReason: 'Client Closed', status: 'disconnected' });
  }

  rule(body: Partial<AlertRuleDto> = {}): Promise<AlertRuleDto> {
    return ok(this.api.post<AlertRuleDto>('/admin/alert-rules', { name: 'Gone', kind: 'disconnected_for', threshold: 300, severity: 'critical', ...body }));
  }

  channel(body: Record<string, unknown>): Promise<AlertChannelDto> {
    return ok(this.api.post<AlertChannelDto>('/admin/alert-channels', { name: 'On call', ...body }));
  }

  webhook(url: string): Promise<AlertChannelDto> {
    return this.channel({ kind: 'webhook', url, secret: 'a secret of sixteen' });
  }

  async alerts(query = ''): Promise<AlertDto[]> {
    return (await ok(this.api.get<Page<AlertDto>>(`/admin/alerts?limit=200${query}`))).data;
  }

  async deliveries(of: { alert: string } | { channel: string }): Promise<AlertDeliveryDto[]> {
    const path = 'alert' in of ? `alerts/${of.alert}` : `alert-channels/${of.channel}`;
    return (await ok(this.api.get<Page<AlertDeliveryDto>>(`/admin/${path}/deliveries`))).data;
  }

  /** Nothing that a test before has left. */
  async clear(): Promise<void> {
    for (const table of ['alert_deliveries', 'alerts', 'alert_silences', 'alert_rules', 'alert_channels', 'leaf_connections', 'agents', 'site_buffers', 'nats_leaf_servers', 'edge_sites']) {
      await this.database.statement(PLATFORM, `delete from ${table} returning 1`, []);
    }
    this.set(0);
    await this.watched(-3_600);
  }
}
