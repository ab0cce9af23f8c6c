import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { Action } from '#libs/contracts';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { AlertChannel, AlertRule } from '#libs/model';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Config } from '../platform/config/index.js';
import type { Precondition } from '../platform/conditional/index.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';

/** What people say of a rule. */
export type RuleSettings = Pick<
  AlertRule,
  'name' | 'kind' | 'enabled' | 'severity' | 'threshold' | 'resolveAfter' | 'labelSelector' | 'checks' | 'includesNeverConnected' | 'channelIds'
>;

/** A rule keeps its kind: what its alerts are about stays the same. */
export type RuleChanges = Partial<Omit<RuleSettings, 'kind'>>;

const SUBJECT = 'alert_rule';

@Injectable()
export class AlertRulesService {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** @throws DomainError `forbidden`; `validation_failed` for settings of another kind, and for channels that are not there */
  create(caller: Caller, settings: RuleSettings): Promise<AlertRule> {
    const { tenantId } = caller;
    caller.authorize('create', 'AlertRule', { tenantId });
    checkSettings(settings, this.config.agentHeartbeat);
    return this.database.transaction(caller.tenantScope, async (em) => {
      await lockChannels(em, caller.permitted('create', 'AlertRule'), settings.channelIds);
      const now = this.clock.now();
      const rule = Object.assign(new AlertRule(), { id: newId(this.clock, this.random), tenantId, ...settings, settingsVersion: 1, createdAt: now, updatedAt: now });
      em.persist(rule);
      this.record(em, caller, 'create', rule, { name: rule.name, kind: rule.kind });
      return rule;
    });
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<AlertRule>> {
    const where = { $and: [caller.readable('AlertRule'), after(query)] } as Where<AlertRule>;
    const rows = await this.database.em(caller.tenantScope).find(AlertRule, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** @throws DomainError `not_found` */
  get(caller: Caller, id: string): Promise<AlertRule> {
    return this.load(this.database.em(caller.tenantScope), caller, id, 'read');
  }

  /**
   * Changes a rule. Its alerts stay as they opened, and resolve by what it says from now on.
   * @throws DomainError `not_found`, `stale`, `validation_failed`
   */
  update(caller: Caller, id: string, changes: RuleChanges, precondition?: Precondition): Promise<AlertRule> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const rule = await this.load(em, caller, id, 'update', LockMode.PESSIMISTIC_WRITE);
      precondition?.check(rule.settingsVersion, 'alert rule');
      if (changes.channelIds !== undefined) await lockChannels(em, caller.permitted('update', 'AlertRule'), changes.channelIds);
      const changed = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      Object.assign(rule, changed, { settingsVersion: rule.settingsVersion + 1, updatedAt: this.clock.now() });
      checkSettings(rule, this.config.agentHeartbeat);
      this.record(em, caller, 'update', rule, { changed: Object.keys(changed) });
      return rule;
    });
  }

  /**
   * Deletes a rule. Its alerts are kept; a worker resolves those that are open, and tells whoever was told of them.
   * @throws DomainError `not_found`, `stale`
   */
  async delete(caller: Caller, id: string, precondition?: Precondition): Promise<void> {
    await this.database.transaction(caller.tenantScope, async (em) => {
      const rule = await this.load(em, caller, id, 'delete', LockMode.PESSIMISTIC_WRITE);
      precondition?.check(rule.settingsVersion, 'alert rule');
      em.remove(rule);
      this.record(em, caller, 'delete', rule, { name: rule.name });
    });
  }

  private async load(em: Em, caller: Caller, id: string, action: Action, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<AlertRule> {
    const where = { $and: [caller.permitted(action, 'AlertRule'), { id }] } as Where<AlertRule>;
    const rule = await em.findOne(AlertRule, where, { lockMode });
    if (rule === null) throw new DomainError('not_found', 'There is no such alert rule.');
    return rule;
  }

  private record(em: Em, caller: Caller, verb: string, { id }: AlertRule, detail: Record<string, unknown>): void {
    this.audit.record(em, caller, { action: `${SUBJECT}.${verb}`, subjectType: SUBJECT, subjectId: id, detail });
  }
}

function checkSettings({ kind, threshold, checks, includesNeverConnected }: RuleSettings, heartbeat: number): void {
  const least = 2 * heartbeat;
  const errors = [
    ...(kind === 'agent_silent_for' && threshold < least
      ? [{ pointer: '/threshold', code: 'too_short', detail: `An agent speaks every ${heartbeat} seconds: the threshold must be ${least} at least.` }]
      : []),
    ...(kind !== 'check_failing_for' && checks.length > 0 ? [{ pointer: '/checks', code: 'not_of_kind', detail: `A rule of the kind ${kind} has no checks.` }] : []),
    ...(kind !== 'disconnected_for' && includesNeverConnected
      ? [{ pointer: '/includes_never_connected', code: 'not_of_kind', detail: `A rule of the kind ${kind} asks for no links.` }]
      : []),
  ];
  if (errors.length > 0) throw new DomainError('validation_failed', errors.map(({ detail }) => detail).join(' '), { errors });
}

/** They stay there until the rule that names them is committed. */
async function lockChannels(em: Em, permitted: Record<string, unknown>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const where = { $and: [permitted, { id: [...ids] }] } as Where<AlertChannel>;
  const found = await em.find(AlertChannel, where, { fields: ['id'], lockMode: LockMode.PESSIMISTIC_READ, disableIdentityMap: true });
  const known = new Set(found.map(({ id }) => id));
  const errors = ids.flatMap((id, at) => (known.has(id) ? [] : [{ pointer: `/channel_ids/${at}`, code: 'unknown_channel', detail: `There is no alert channel ${id}.` }]));
  if (errors.length > 0) throw new DomainError('validation_failed', errors.map(({ detail }) => detail).join(' '), { errors });
}
