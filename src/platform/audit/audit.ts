import { Inject, Injectable } from '@nestjs/common';
import { type Clock, newId, type Random } from '#libs/kernel';
import { AuditEvent } from '#libs/model';
import type { Caller } from '../auth/index.js';
import { CLOCK, RANDOM } from '../clock.js';
import { Database, type Em, type Scope } from '../database/index.js';

interface Deed {
  /** `<noun>.<verb>`, as `edge_site.create`. */
  action: string;
  subjectType: string;
  subjectId: string | null;
  /** Never a secret. */
  detail?: Record<string, unknown>;
}

/** Writes down who did what. */
@Injectable()
export class Audit {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** Adds a row to the transaction of the deed: both are kept, or neither. */
  record(em: Em, caller: Caller, deed: Deed): void {
    em.persist(Object.assign(new AuditEvent(), this.rowOf(caller, deed)));
  }

  /** Writes down deeds that change nothing but this: what somebody was given to read. */
  async recordAll(scope: Scope, deeds: readonly (readonly [Caller, Deed])[]): Promise<void> {
    if (deeds.length === 0) return;
    const rows = deeds.map(([caller, deed]) => {
      const { id, tenantId, at, actor, action, subjectType, subjectId, requestId, sourceAddress, detail } = this.rowOf(caller, deed);
      return [id, tenantId, at.toISOString(), actor, action, subjectType, subjectId, requestId, sourceAddress, JSON.stringify(detail)];
    });
    const columns = 'id, tenant_id, at, actor, action, subject_type, subject_id, request_id, source_address, detail';
    const placeholders = rows.map(() => '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').join(', ');
    await this.database.statement(scope, `insert into audit_events (${columns}) values ${placeholders}`, rows.flat());
  }

  private rowOf({ principal, origin }: Caller, { action, subjectType, subjectId, detail = {} }: Deed) {
    return {
      id: newId(this.clock, this.random),
      tenantId: principal.tenantId,
      at: this.clock.now(),
      actor: principal.actor,
      action,
      subjectType,
      subjectId,
      ...origin,
      detail,
    };
  }
}
