import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { NatsLeafServer } from '#libs/model';
import { LeafGenerations, soonAfter } from '../edge-sites/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { RowSweep } from '../platform/sweep.js';

const INTERVAL = 60_000;
const BATCH = 200;

type ExpiringLeaf = Pick<NatsLeafServer, 'id' | 'tenantId' | 'edgeSiteId'>;

/** Asks for the next generation of each leaf whose newest certificates are expiring soon. */
@Injectable()
export class RenewalSweep extends RowSweep<ExpiringLeaf> {
  constructor(
    private readonly database: Database,
    private readonly generations: LeafGenerations,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  protected override work({ tenantId, edgeSiteId }: ExpiringLeaf): Promise<boolean> {
    return this.generations.renew(systemCaller('renewal', tenantId), edgeSiteId);
  }

  protected override page(lastId: string): Promise<ExpiringLeaf[]> {
    const where = { id: { $gt: lastId }, status: { $ne: 'pending' as const }, certExpiresAt: { $lt: soonAfter(this.clock.now()) } };
    const fields = ['id', 'tenantId', 'edgeSiteId'] as const;
    return this.database.em(PLATFORM).find(NatsLeafServer, where, { fields, orderBy: { id: 'asc' }, limit: BATCH });
  }
}
