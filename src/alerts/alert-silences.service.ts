import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { AlertRule, AlertSilence, EdgeSite } from '#libs/model';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';

export type NewSilence = Pick<AlertSilence, 'labelSelector' | 'until' | 'reason'> & { alertRuleId: string | null; edgeSiteId: string | null };

/** How long a silence may last, in milliseconds: who forgets it is told again in the end. */
const LONGEST = 90 * 24 * 60 * 60 * 1000;

const SUBJECT = 'alert_silence';

@Injectable()
export class AlertSilencesService {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** @throws DomainError `forbidden`; `not_found` for a rule or a site that is not there; `validation_failed` for an end that is past or too far */
  create(caller: Caller, input: NewSilence): Promise<AlertSilence> {
    const { tenantId } = caller;
    caller.authorize('create', 'AlertSilence', { tenantId });
    const now = this.clock.now();
    checkEnd(input.until, now);
    return this.database.transaction(caller.tenantScope, async (em) => {
      const { alertRuleId, edgeSiteId } = input;
      const rule = { $and: [caller.permitted('create', 'AlertSilence'), { id: alertRuleId }] } as Where<AlertRule>;
      if (alertRuleId !== null && (await em.count(AlertRule, rule)) === 0) throw new DomainError('not_found', 'There is no such alert rule.');
      const site = { $and: [caller.permittedSites('create', 'AlertSilence'), { id: edgeSiteId }] } as Where<EdgeSite>;
      if (edgeSiteId !== null && (await em.count(EdgeSite, site)) === 0) throw new DomainError('not_found', 'There is no such edge site.');
      const silence = Object.assign(new AlertSilence(), { id: newId(this.clock, this.random), tenantId, ...input, createdBy: caller.principal.actor, createdAt: now });
      em.persist(silence);
      const { labelSelector, until, reason } = input;
      this.record(em, caller, 'create', silence.id, { alert_rule_id: alertRuleId, edge_site_id: edgeSiteId, label_selector: labelSelector, until: until.toISOString(), reason });
      return silence;
    });
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<AlertSilence>> {
    const where = { $and: [caller.readable('AlertSilence'), after(query)] } as Where<AlertSilence>;
    const rows = await this.database.em(caller.tenantScope).find(AlertSilence, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** Ends a silence: of alerts that are open by then, people are told. @throws DomainError `not_found` */
  async delete(caller: Caller, id: string): Promise<void> {
    await this.database.transaction(caller.tenantScope, async (em) => {
      const where = { $and: [caller.permitted('delete', 'AlertSilence'), { id }] } as Where<AlertSilence>;
      const silence = await em.findOne(AlertSilence, where);
      if (silence === null) throw new DomainError('not_found', 'There is no such silence.');
      em.remove(silence);
      this.record(em, caller, 'delete', id, { reason: silence.reason });
    });
  }

  private record(em: Em, caller: Caller, verb: string, id: string, detail: Record<string, unknown>): void {
    this.audit.record(em, caller, { action: `${SUBJECT}.${verb}`, subjectType: SUBJECT, subjectId: id, detail });
  }
}

function checkEnd(until: Date, now: Date): void {
  const refuse = (code: string, detail: string) => new DomainError('validation_failed', detail, { errors: [{ pointer: '/until', code, detail }] });
  if (until <= now) throw refuse('in_past', 'until is in the past.');
  if (until.getTime() - now.getTime() > LONGEST) throw refuse('too_far', 'until is more than 90 days from now: a silence has to end.');
}
