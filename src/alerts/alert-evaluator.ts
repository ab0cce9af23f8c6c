import { Inject, Injectable } from '@nestjs/common';
import { type Circumstances, type Condition, decide, massEvents, selects, type Silence, type SiteFacts, summaryOf } from '#libs/alerts';
import { type Clock, newId, type Random } from '#libs/kernel';
import { Alert, AlertRule, AlertSilence } from '#libs/model';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Config } from '../platform/config/index.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { HUB_GAP, Watches } from '../platform/watches.js';
import { Outbox } from './outbox.js';
import { siteFacts } from './site-facts.js';

/** Seconds without an evaluation after which alerts start anew. */
const EVALUATION_GAP = 60;

/** How old the value of an alert may be, in milliseconds. */
const REFRESH = 60_000;

const TENANTS = `
  select tenant_id as "tenantId" from alert_rules where enabled
  union select tenant_id from alerts where status <> 'resolved'`;

/** Leaves that went lately, of all tenants: more than that ago they have had their time. */
const GONE = `select disconnected_at as "at" from nats_leaf_servers where link_id is null and disconnected_at > ?::timestamptz - interval '15 minutes'`;
const CONNECTED = 'select count(*)::integer as "total" from nats_leaf_servers where connected_at is not null';

/** Milliseconds. An agent that was heard within two heartbeats is not silent. */
type Shared = Pick<Circumstances, 'hubWatchedSince' | 'evaluatedSince' | 'massDisconnects' | 'hold'> & { heartbeat: number };

/** Alerts that are not resolved. Whoever acknowledges one meanwhile waits. */
const PRESENT = `
  select id, alert_rule_id as "ruleId", edge_site_id as "siteId", status, clear_since as "clearSince", updated_at as "updatedAt", told_channel_ids::text[] as "told"
    from alerts where status <> 'resolved' order by id for update`;

/** A row: most of them stay as they are, and need be no objects of the ORM. */
interface Present {
  id: string;
  ruleId: string | null;
  siteId: string | null;
  status: 'open' | 'acknowledged';
  clearSince: Date | null;
  updatedAt: Date;
  told: string[];
}

/** What is known of a tenant, all of one moment. */
interface Situation {
  rules: AlertRule[];
  silences: Silence[];
  alerts: Present[];
  sites: SiteFacts[];
  channelIds: ReadonlySet<string>;
}

/** Holds the rules against what is on record, and writes what follows together with what is to be told of it. */
@Injectable()
export class AlertEvaluator {
  constructor(
    private readonly database: Database,
    private readonly watches: Watches,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** Evaluates all tenants. What fails of one keeps no other from it. @param failed is told of each */
  async run(failed: (error: unknown, tenantId: string) => void): Promise<void> {
    const shared = await this.shared();
    for (const { tenantId } of await this.database.statement<{ tenantId: string }>(PLATFORM, TENANTS, [])) {
      await this.evaluate(tenantId, shared).catch((error: unknown) => failed(error, tenantId));
    }
  }

  /** What is the same for all tenants. */
  private async shared(): Promise<Shared> {
    const now = this.clock.now();
    const { watchedSince } = await this.watches.seen('alerts', now, EVALUATION_GAP);
    const hub = await this.watches.of('hub');
    const isWatched = hub !== undefined && now.getTime() - hub.seenAt.getTime() <= HUB_GAP * 1000;
    const gone = await this.database.statement<{ at: string }>(PLATFORM, GONE, [now]);
    const [connected] = await this.database.statement<{ total: number }>(PLATFORM, CONNECTED, []);
    return {
      evaluatedSince: watchedSince,
      hubWatchedSince: isWatched ? hub.watchedSince : null,
      massDisconnects: massEvents(gone.map(({ at }) => new Date(at)), connected!.total),
      hold: this.config.alertHold * 1000,
      heartbeat: this.config.agentHeartbeat * 1000,
    };
  }

  private async evaluate(tenantId: string, shared: Shared): Promise<void> {
    await this.database.transaction({ tenantId }, async (em) => {
      const [lock] = await em.execute<{ held: boolean }[]>('select pg_try_advisory_xact_lock(hashtext(?)) as held', [`alerts ${tenantId}`]);
      // Another worker is at it.
      if (!lock!.held) return;
      await this.act(em, tenantId, await situation(em), shared);
    });
  }

  private async act(em: Em, tenantId: string, { rules, silences, alerts, sites, channelIds }: Situation, shared: Shared): Promise<void> {
    const now = this.clock.now();
    const circumstances = circumstancesOf(sites, shared, now);
    const outbox = new Outbox(tenantId, this.clock, this.random);
    const present = new Map(alerts.map((alert) => [keyOf(alert.ruleId, alert.siteId), alert]));
    const watched = new Set<Present>();
    const opened: Alert[] = [];
    const changes = new Map<string, ((alert: Alert) => void)[]>();
    const change = ({ id }: Present, how: (alert: Alert) => void) => changes.set(id, [...(changes.get(id) ?? []), how]);
    const untold = (rule: AlertRule, told: readonly string[]) => rule.channelIds.filter((id) => channelIds.has(id) && !told.includes(id));
    const tell = (alert: Alert, told: readonly string[]) => {
      outbox.tell('opened', told, alert);
      alert.toldChannelIds = [...alert.toldChannelIds, ...told];
    };
    const resolve = (resolution: NonNullable<Alert['resolution']>) => (alert: Alert) => {
      alert.resolve(resolution, now);
      // Who was told that it opened is told that it is over, silenced or not: it may stand open elsewhere.
      outbox.tell('resolved', alert.toldChannelIds.filter((id) => channelIds.has(id)), alert);
    };

    for (const rule of rules) {
      for (const site of sites) {
        if (!selects(rule.labelSelector, site.labels)) continue;
        const alert = present.get(keyOf(rule.id, site.id));
        const decision = decide(rule, site, alert, silences, circumstances, now);
        if (alert !== undefined) watched.add(alert);
        if (decision.type === 'open') {
          const made = this.newAlert(tenantId, rule, site, decision.condition, now);
          opened.push(made);
          const told = decision.tells ? untold(rule, []) : [];
          if (told.length > 0) tell(made, told);
        } else if (alert !== undefined && decision.type === 'resolve') change(alert, resolve('recovered'));
        else if (alert !== undefined && decision.type === 'keep') {
          const { condition, clearSince, tells } = decision;
          if (isOutdated(alert, condition, clearSince, now)) change(alert, (entity) => keep(entity, condition, clearSince, now));
          const told = tells ? untold(rule, alert.told) : [];
          if (told.length > 0) change(alert, (entity) => tell(entity, told));
        }
      }
    }
    for (const alert of alerts) if (!watched.has(alert)) change(alert, resolve(whyUnwatched(alert)));

    const changed = changes.size === 0 ? [] : await em.find(Alert, { id: [...changes.keys()] }, { orderBy: { id: 'asc' } });
    for (const alert of changed) for (const how of changes.get(alert.id)!) how(alert);
    await em.persist(opened).flush();
    await outbox.write(em);
  }

  private newAlert(tenantId: string, rule: AlertRule, site: SiteFacts, { since, value, detail }: Extract<Condition, { state: 'met' }>, now: Date): Alert {
    return Object.assign(new Alert(), {
      id: newId(this.clock, this.random),
      tenantId,
      alertRuleId: rule.id,
      edgeSiteId: site.id,
      ruleName: rule.name,
      kind: rule.kind,
      severity: rule.severity,
      siteName: site.name,
      siteSlug: site.slug,
      summary: summaryOf(rule.kind, value, detail),
      detail,
      since,
      openedAt: now,
      status: 'open' as const,
      lastValue: lastValueOf(value),
      clearSince: null,
      toldChannelIds: [],
      acknowledgedAt: null,
      acknowledgedBy: null,
      resolvedAt: null,
      resolution: null,
      updatedAt: now,
    });
  }
}

async function situation(em: Em): Promise<Situation> {
  const rules = await em.find(AlertRule, { enabled: true }, { disableIdentityMap: true });
  const present = await em.execute<(Omit<Present, 'clearSince' | 'updatedAt'> & { clearSince: string | null; updatedAt: string })[]>(PRESENT);
  const silences = await em.find(AlertSilence, {}, { disableIdentityMap: true });
  // A channel stays there until what is written for it is committed.
  const channels = await em.execute<{ id: string }[]>('select id from alert_channels for key share');
  return {
    rules,
    alerts: present.map(({ clearSince, updatedAt, ...row }) => ({ ...row, clearSince: clearSince === null ? null : new Date(clearSince), updatedAt: new Date(updatedAt) })),
    silences: silences.map(({ alertRuleId, edgeSiteId, labelSelector, until }) => ({ alertRuleId: alertRuleId ?? null, edgeSiteId: edgeSiteId ?? null, labelSelector, until })),
    sites: rules.length === 0 ? [] : await siteFacts(em, rules),
    channelIds: new Set(channels.map(({ id }) => id)),
  };
}

function circumstancesOf(sites: readonly SiteFacts[], { massDisconnects, heartbeat, ...shared }: Shared, now: Date): Circumstances {
  const connected = sites.filter(({ leaf }) => leaf.connectedAt !== null);
  const gone = connected.flatMap(({ leaf }) => (leaf.linked || leaf.disconnectedAt === null ? [] : [leaf.disconnectedAt]));
  const heard = sites.flatMap(({ agents }) => agents.map(({ lastSeenAt }) => lastSeenAt));
  const silent = heard.filter((time) => now.getTime() - time.getTime() > 2 * heartbeat);
  return {
    ...shared,
    massDisconnects: [...massDisconnects, ...massEvents(gone, connected.length)],
    massSilences: massEvents(silent, heard.length),
  };
}

/** Whether there is anything to write. */
const isOutdated = (alert: Pick<Present, 'clearSince' | 'updatedAt'>, condition: Condition, clearSince: Date | null, now: Date): boolean =>
  alert.clearSince?.getTime() !== clearSince?.getTime() || (condition.state === 'met' && now.getTime() - alert.updatedAt.getTime() >= REFRESH);

function keep(alert: Alert, condition: Condition, clearSince: Date | null, now: Date): void {
  alert.clearSince = clearSince;
  if (condition.state === 'met') alert.lastValue = lastValueOf(condition.value);
  alert.updatedAt = now;
}

/** The column is an integer. */
const lastValueOf = (seconds: number) => Math.min(seconds, 2 ** 31 - 1);

const keyOf = (ruleId: string | null, siteId: string | null) => `${ruleId} ${siteId}`;

function whyUnwatched({ ruleId, siteId }: Present): NonNullable<Alert['resolution']> {
  if (siteId === null) return 'site_deleted';
  return ruleId === null ? 'rule_deleted' : 'not_watched';
}
