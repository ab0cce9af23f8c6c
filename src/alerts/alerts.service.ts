import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { AlertSeverity } from '#libs/alerts';
import type { Action } from '#libs/contracts';
import { type Clock, DomainError } from '#libs/kernel';
import type { AlertStatus } from '#libs/lifecycle';
import { Alert, AlertDelivery, AlertDeliveryItem } from '#libs/model';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';

export interface AlertFilter {
  status?: AlertStatus;
  severity?: AlertSeverity;
  edgeSiteId?: string;
  alertRuleId?: string;
}

@Injectable()
export class AlertsService {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(caller: Caller, query: PageQuery & AlertFilter): Promise<Page<Alert>> {
    const { status, severity, edgeSiteId, alertRuleId } = query;
    const filter = Object.fromEntries(Object.entries({ status, severity, edgeSiteId, alertRuleId }).filter(([, value]) => value !== undefined));
    const where = { $and: [caller.readable('Alert'), filter, after(query)] } as Where<Alert>;
    const rows = await this.database.em(caller.tenantScope).find(Alert, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** @throws DomainError `not_found` */
  get(caller: Caller, id: string): Promise<Alert> {
    return this.load(this.database.em(caller.tenantScope), caller, id, 'read');
  }

  /**
   * Somebody has seen it: nobody else is told of it any more, but that it is over. One that is acknowledged stays as it is.
   * @throws DomainError `not_found`, `illegal_transition` when it is resolved
   */
  acknowledge(caller: Caller, id: string): Promise<Alert> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const alert = await this.load(em, caller, id, 'update', LockMode.PESSIMISTIC_WRITE);
      if (alert.status !== 'acknowledged') alert.acknowledge(caller.principal.actor, this.clock.now());
      this.audit.record(em, caller, { action: 'alert.acknowledge', subjectType: 'alert', subjectId: id, detail: { rule: alert.ruleName, site: alert.siteSlug } });
      return alert;
    });
  }

  /** What was told of an alert, or is to be, the newest first. @throws DomainError `not_found` */
  deliveries(caller: Caller, id: string, query: PageQuery): Promise<Page<AlertDelivery>> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      await this.load(em, caller, id, 'read');
      const before = after(query).id;
      const where = { alertId: id, ...(before && { alertDeliveryId: before }) };
      const items = await em.find(AlertDeliveryItem, where, { orderBy: { alertDeliveryId: 'desc' }, limit: query.limit + 1 });
      const ids = items.map(({ alertDeliveryId }) => alertDeliveryId);
      return pageOf(await em.find(AlertDelivery, { id: ids }, { orderBy: { id: 'desc' } }), query.limit);
    });
  }

  private async load(em: Em, caller: Caller, id: string, action: Action, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<Alert> {
    const where = { $and: [caller.permitted(action, 'Alert'), { id }] } as Where<Alert>;
    const alert = await em.findOne(Alert, where, { lockMode });
    if (alert === null) throw new DomainError('not_found', 'There is no such alert.');
    return alert;
  }
}
