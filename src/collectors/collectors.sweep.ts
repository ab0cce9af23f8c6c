import { Injectable } from '@nestjs/common';
import { CollectorPackage } from '#libs/model';
import { Database, PLATFORM } from '../platform/database/index.js';
import { PendingSweep } from '../platform/queue/index.js';
import { CollectorQueue, type PendingCollector, waiting } from './collector-queue.js';

@Injectable()
export class CollectorsSweep extends PendingSweep<PendingCollector> {
  constructor(
    private readonly database: Database,
    queue: CollectorQueue,
  ) {
    super(queue);
  }

  protected override page(lastId: string, limit: number): Promise<PendingCollector[]> {
    return this.database
      .em(PLATFORM)
      .find(
        CollectorPackage,
        { $and: [waiting(), { id: { $gt: lastId } }] },
        { fields: ['id', 'tenantId', 'attempt'], orderBy: { id: 'asc' }, limit },
      );
  }
}
