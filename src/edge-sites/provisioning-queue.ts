import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import type { Queue } from 'bullmq';
import type { NatsLeafServer } from '#libs/model';
import { enqueued } from '../platform/queue/index.js';

export const PROVISIONING_QUEUE = 'provisioning';

/** A job carries ids only; what is to be done is read when it runs. */
export interface ProvisioningJob {
  tenantId: string;
  leafId: string;
  generation: number;
}

type Pending = Pick<NatsLeafServer, 'id' | 'tenantId' | 'generation'>;

/** Leaves that wait for their certificates, credentials and configuration. */
@Injectable()
export class ProvisioningQueue {
  private readonly logger = new Logger(ProvisioningQueue.name);

  constructor(@InjectQueue(PROVISIONING_QUEUE) private readonly queue: Queue<ProvisioningJob>) {}

  /** Makes it fast. That it happens at all is the sweep's to guarantee, so a queue that is away fails nobody's request. */
  async add(leaf: Pending): Promise<void> {
    await enqueued(this.addAll([leaf]), this.logger, { leafId: leaf.id });
  }

  /** A leaf that has a job already is left alone: the job's id is made of the leaf's and the generation. */
  async addAll(leaves: readonly Pending[]): Promise<void> {
    await this.queue.addBulk(
      leaves.map(({ id, tenantId, generation }) => ({
        name: 'provision',
        data: { tenantId, leafId: id, generation },
        opts: { jobId: `leaf-${id}-g${generation}` },
      })),
    );
  }
}
