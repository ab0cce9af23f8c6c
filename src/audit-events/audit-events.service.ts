import { Injectable } from '@nestjs/common';
import { AuditEvent } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import { Database, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';

@Injectable()
export class AuditEventsService {
  constructor(private readonly database: Database) {}

  /** A platform admin who names no tenant sees what was done to the platform itself. */
  async list(caller: Caller, query: PageQuery): Promise<Page<AuditEvent>> {
    const where = { $and: [caller.readable('AuditEvent'), after(query)] } as Where<AuditEvent>;
    const rows = await this.database
      .em(caller.scope)
      .find(AuditEvent, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }
}
