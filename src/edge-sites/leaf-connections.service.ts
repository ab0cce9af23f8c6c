import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { LeafConnection } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { SweepService } from '../platform/sweep.js';
import { loadSite } from './site-with-leaf.js';

/** How long a connection that has ended is kept, in milliseconds. */
const KEPT_FOR = 90 * 24 * 60 * 60 * 1000;

/** Milliseconds. */
const INTERVAL = 60 * 60 * 1000;

/** When leaves were connected. */
@Injectable()
export class LeafConnections {
  constructor(private readonly database: Database) {}

  /**
   * Of a site, the newest first.
   * @throws DomainError `not_found`
   */
  list(caller: Caller, edgeSiteId: string, query: PageQuery): Promise<Page<LeafConnection>> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      await loadSite(em, caller, edgeSiteId);
      const rows = await em.find(LeafConnection, { edgeSiteId, ...after(query) }, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
      return pageOf(rows, query.limit);
    });
  }
}

/** Forgets connections that ended long ago. */
@Injectable()
export class LeafConnectionsSweep extends SweepService {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    const disconnectedAt = { $lt: new Date(this.clock.now().getTime() - KEPT_FOR) };
    await this.database.em(PLATFORM).nativeDelete(LeafConnection, { disconnectedAt });
  }
}
