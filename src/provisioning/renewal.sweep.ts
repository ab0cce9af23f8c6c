import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { NatsLeafServer } from '#libs/model';
import { LeafGenerations, soonAfter } from '../edge-sites/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { forEachPage, SweepService } from '../platform/sweep.js';

const INTERVAL = 60_000;
const BATCH = 200;

/** Asks for the next generation of each leaf whose newest certificates are expiring soon. */
@Injectable()
export class RenewalSweep extends SweepService {
  constructor(
    private readonly database: Database,
    private readonly generations: LeafGenerations,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    await forEachPage(
      (lastId) => this.page(lastId),
      async (expiring) => {
        for (const leaf of expiring) await this.renew(leaf);
      },
    );
  }

  /** One that cannot be renewed keeps no other from it; the next run tries again. */
  private async renew({ id, tenantId, edgeSiteId }: Pick<NatsLeafServer, 'id' | 'tenantId' | 'edgeSiteId'>): Promise<void> {
    try {
      await this.generations.renew(systemCaller('renewal', tenantId), edgeSiteId);
    } catch (error) {
      this.logger.warn({ err: error, leaf: id }, 'a leaf was not renewed; it is tried again');
    }
  }

  private page(lastId: string) {
    const where = { id: { $gt: lastId }, status: { $ne: 'pending' as const }, certExpiresAt: { $lt: soonAfter(this.clock.now()) } };
    const fields = ['id', 'tenantId', 'edgeSiteId'] as const;
    return this.database.em(PLATFORM).find(NatsLeafServer, where, { fields, orderBy: { id: 'asc' }, limit: BATCH });
  }
}
