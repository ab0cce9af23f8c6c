import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { raw } from '@mikro-orm/postgresql';
import type { CollectorPackage } from '#libs/model';
import type { Where } from '../platform/database/index.js';
import { PendingQueue } from '../platform/queue/index.js';

export const COLLECTORS_QUEUE = 'collectors';

export interface CollectorJob {
  tenantId: string;
  packageId: string;
  attempt: number;
}

export type PendingCollector = Pick<CollectorPackage, 'id' | 'tenantId' | 'attempt'>;

/** Which packages wait for their first generation, or for another one that has not failed for good. */
export const waiting = (): Where<CollectorPackage> => ({
  $or: [
    { status: ['pending', 'provisioning'] },
    { status: ['ready', 'downloaded', 'installed'], provisionedGeneration: { $lt: raw('generation') }, lastError: null },
  ],
});

/** Collector packages that wait for their certificate and NATS user. */
@Injectable()
export class CollectorQueue extends PendingQueue<PendingCollector, CollectorJob> {
  constructor(@InjectQueue(COLLECTORS_QUEUE) queue: Queue<CollectorJob>) {
    super(queue, ({ id, tenantId, attempt }) => ({ jobId: `collector-${id}-a${attempt}`, data: { tenantId, packageId: id, attempt } }));
  }
}
