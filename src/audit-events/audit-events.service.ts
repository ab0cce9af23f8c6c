import { Injectable } from '@nestjs/common';
import { AuditEvent } from '#libs/model';
import { PLATFORM_CHAIN } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, pageOf } from '../platform/paging/index.js';
import type { AuditEventQuery } from './dto/audit-event-query.dto.js';

/** Where a row is in its chain. */
export interface Place {
  sequence: number;
  /** SHA-256, hex. */
  hash: string;
}

/** A row, and its seal once there is one. */
export interface ListedEvent {
  id: string;
  event: AuditEvent;
  seal: Place | undefined;
}

/** A seal is not before its rows, and rarely much behind them. */
const SEALS = `
  select e.id as "eventId", s.sequence::integer as sequence, encode(s.hash, 'hex') as hash
    from audit_events e,
         lateral (select sequence, hash from audit_seals where chain = coalesce(e.tenant_id, ?) and last_at >= e.at and e.id = any (event_ids)
                   order by last_at limit 1) as s
   where e.id in (?)`;

@Injectable()
export class AuditEventsService {
  constructor(private readonly database: Database) {}

  /** A platform admin who names no tenant sees what was done to the platform itself. */
  async list(caller: Caller, query: AuditEventQuery): Promise<Page<ListedEvent>> {
    const where = { $and: [caller.readable('AuditEvent'), after(query), conditionOf(query)] } as Where<AuditEvent>;
    return this.database.transaction(caller.scope, async (em) => {
      const events = await em.find(AuditEvent, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
      const sealOf = await this.seals(em, events);
      return pageOf(
        events.map((event) => ({ id: event.id, event, seal: sealOf.get(event.id) })),
        query.limit,
      );
    });
  }

  private async seals(em: Em, events: readonly AuditEvent[]): Promise<Map<string, Place>> {
    if (events.length === 0) return new Map();
    const found: (Place & { eventId: string })[] = await em.execute(SEALS, [PLATFORM_CHAIN, events.map(({ id }) => id)]);
    return new Map(found.map((seal) => [seal.eventId, seal]));
  }
}

function conditionOf({ actor, action, subject_type, subject_id, outcome, since, until }: AuditEventQuery): Record<string, unknown> {
  const asked = { actor, action, subjectType: subject_type, subjectId: subject_id, outcome };
  const at = { ...(since && { $gte: since }), ...(until && { $lt: until }) };
  return {
    ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
    ...(Object.keys(at).length > 0 && { at }),
  };
}
