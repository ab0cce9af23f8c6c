import { Injectable } from '@nestjs/common';
import { AuditEvent, AuditSeal } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import { Database, type Where } from '../platform/database/index.js';
import { after, type Page, pageOf } from '../platform/paging/index.js';
import type { AuditEventQuery } from './dto/audit-event-query.dto.js';

/** A row, and its seal once there is one. */
export interface ListedEvent {
  id: string;
  event: AuditEvent;
  seal: AuditSeal | undefined;
}

@Injectable()
export class AuditEventsService {
  constructor(private readonly database: Database) {}

  /** A platform admin who names no tenant sees what was done to the platform itself. */
  async list(caller: Caller, query: AuditEventQuery): Promise<Page<ListedEvent>> {
    const where = { $and: [caller.readable('AuditEvent'), after(query), conditionOf(query)] } as Where<AuditEvent>;
    return this.database.transaction(caller.scope, async (em) => {
      const events = await em.find(AuditEvent, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
      const seals = await em.find(AuditSeal, { eventId: events.map(({ id }) => id) });
      const sealOf = new Map(seals.map((seal) => [seal.eventId, seal]));
      return pageOf(
        events.map((event) => ({ id: event.id, event, seal: sealOf.get(event.id) })),
        query.limit,
      );
    });
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
