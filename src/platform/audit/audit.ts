import { Inject, Injectable } from '@nestjs/common';
import { type Clock, newId, type Random } from '#libs/kernel';
import { AuditEvent, type AuditOutcome } from '#libs/model';
import type { Caller } from '../auth/index.js';
import { CLOCK, RANDOM } from '../clock.js';
import { Database, type Em, type Scope } from '../database/index.js';
import { settle } from '../idempotency/settle.js';

export interface Deed {
  /** `<noun>.<verb>`, as `edge_site.create`. */
  action: string;
  subjectType: string;
  subjectId: string | null;
  /** `done` when absent. */
  outcome?: AuditOutcome;
  /** Never a secret. */
  detail?: Record<string, unknown>;
}

/** What is read for callers who wait together. */
interface AskedFor {
  /**
   * Finds, for each subject that is there, at least `"subjectId"`; `"isGiven"`, whether the caller gets it and an audit row is written; and
   * `"auditDetail"`, which stands in that row.
   */
  sql: string;
  values: readonly unknown[];
  deeds: readonly (readonly [Caller, Omit<Deed, 'detail' | 'outcome'>])[];
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
    if (caller.claim?.action === deed.action) settle(em, caller.claim, deed, this.clock.now());
  }

  /**
   * Reads what callers asked for and writes down that they were given it: in one statement, which many callers wait for.
   * @param asked.deeds with the id of what is asked for as their subject; one deed for each caller
   */
  async readAll<Row extends { subjectId: string }>(scope: Scope, { sql, values, deeds }: AskedFor): Promise<Row[]> {
    const rows = deeds.map(([caller, deed]) => {
      const { id, tenantId, at, actor, action, subjectType, subjectId, requestId, sourceAddress } = this.rowOf(caller, deed);
      return [id, tenantId, at.toISOString(), actor, action, subjectType, subjectId, requestId, sourceAddress];
    });
    const deed = '(?::uuid, ?::uuid, ?::timestamptz, ?::text, ?::text, ?::text, ?::uuid, ?::text, ?::text)';
    const columns = 'id, tenant_id, at, actor, action, subject_type, subject_id, request_id, source_address';
    const statement = `
      with found as (${sql}),
           deed (${columns}) as (values ${rows.map(() => deed).join(', ')}),
           recorded as (
             insert into audit_events (${columns}, detail)
             select deed.*, found."auditDetail" from deed join found on found."subjectId" = deed.subject_id where found."isGiven")
      select * from found`;
    return this.database.statement(scope, statement, [...values, ...rows.flat()]);
  }

  private rowOf({ principal, origin }: Caller, { action, subjectType, subjectId, outcome = 'done', detail = {} }: Deed) {
    return {
      id: newId(this.clock, this.random),
      tenantId: principal.tenantId,
      at: this.clock.now(),
      actor: principal.actor,
      action,
      subjectType,
      subjectId,
      ...origin,
      outcome,
      detail,
    };
  }
}
