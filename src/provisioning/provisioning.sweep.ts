import { Injectable } from '@nestjs/common';
import { NatsLeafServer } from '#libs/model';
import { type PendingLeaf, ProvisioningQueue } from '../edge-sites/index.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { PendingSweep } from '../platform/queue/index.js';

@Injectable()
export class ProvisioningSweep extends PendingSweep<PendingLeaf> {
  constructor(
    private readonly database: Database,
    queue: ProvisioningQueue,
  ) {
    super(queue);
  }

  protected override page(lastId: string, limit: number): Promise<PendingLeaf[]> {
    const where = { status: 'pending' as const, lastError: null, id: { $gt: lastId } };
    return this.database
      .em(PLATFORM)
      .find(NatsLeafServer, where, { fields: ['id', 'tenantId', 'generation'], orderBy: { id: 'asc' }, limit });
  }
}
