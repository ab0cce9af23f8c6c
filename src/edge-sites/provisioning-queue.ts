import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import type { NatsLeafServer } from '#libs/model';
import { PendingQueue } from '../platform/queue/index.js';

export const PROVISIONING_QUEUE = 'provisioning';

export interface ProvisioningJob {
  tenantId: string;
  leafId: string;
  generation: number;
}

export type PendingLeaf = Pick<NatsLeafServer, 'id' | 'tenantId' | 'generation'>;

/** Leaves that wait for their certificates, credentials and configuration. */
@Injectable()
export class ProvisioningQueue extends PendingQueue<PendingLeaf, ProvisioningJob> {
  constructor(@InjectQueue(PROVISIONING_QUEUE) queue: Queue<ProvisioningJob>) {
    super(queue, ({ id, tenantId, generation }) => ({ jobId: `leaf-${id}-g${generation}`, data: { tenantId, leafId: id, generation } }));
  }
}
