import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { CollectorPackage } from '#libs/model';
import { soonAfter } from '../edge-sites/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { RowSweep } from '../platform/sweep.js';
import { CollectorGenerations } from './collector-generations.service.js';

const INTERVAL = 60_000;
const BATCH = 200;

type ExpiringCollector = Pick<CollectorPackage, 'id' | 'tenantId'>;

/** Asks for the next generation of each package whose newest certificate is expiring soon. */
@Injectable()
export class CollectorRenewalSweep extends RowSweep<ExpiringCollector> {
  constructor(
    private readonly database: Database,
    private readonly generations: CollectorGenerations,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  protected override work({ id, tenantId }: ExpiringCollector): Promise<boolean> {
    return this.generations.renewExpiring(systemCaller('renewal', tenantId), id);
  }

  protected override page(lastId: string): Promise<ExpiringCollector[]> {
    const status = ['ready' as const, 'downloaded' as const, 'installed' as const];
    const where = { id: { $gt: lastId }, status, certExpiresAt: { $lt: soonAfter(this.clock.now()) } };
    return this.database.em(PLATFORM).find(CollectorPackage, where, { fields: ['id', 'tenantId'], orderBy: { id: 'asc' }, limit: BATCH });
  }
}
