import { Processor } from '@nestjs/bullmq';
import { JOB_WORKER, PendingWorker } from '../platform/queue/index.js';
import { CollectorProvisioner } from './collector-provisioner.js';
import { type CollectorJob, COLLECTORS_QUEUE } from './collector-queue.js';

const CONCURRENCY = 8;

@Processor(COLLECTORS_QUEUE, { ...JOB_WORKER, concurrency: CONCURRENCY })
export class CollectorsProcessor extends PendingWorker<CollectorJob> {
  constructor(private readonly provisioner: CollectorProvisioner) {
    super();
  }

  protected override run(job: CollectorJob): Promise<boolean> {
    return this.provisioner.provision(job);
  }

  protected override fail(job: CollectorJob, reason: string): Promise<void> {
    return this.provisioner.fail(job, reason);
  }
}
