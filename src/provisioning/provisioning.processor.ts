import { Processor } from '@nestjs/bullmq';
import { PROVISIONING_QUEUE, type ProvisioningJob } from '../edge-sites/index.js';
import { JOB_WORKER, PendingWorker } from '../platform/queue/index.js';
import { LeafProvisioner } from './leaf-provisioner.js';
import { ProvisioningBatches } from './provisioning-batches.js';

/** Two batches of one tenant: one is made while the next gathers. */
const CONCURRENCY = 64;

@Processor(PROVISIONING_QUEUE, { ...JOB_WORKER, concurrency: CONCURRENCY })
export class ProvisioningProcessor extends PendingWorker<ProvisioningJob> {
  constructor(
    private readonly batches: ProvisioningBatches,
    private readonly provisioner: LeafProvisioner,
  ) {
    super();
  }

  protected override run({ tenantId, ...wanted }: ProvisioningJob): Promise<boolean> {
    return this.batches.provision(tenantId, wanted);
  }

  protected override fail({ tenantId, ...wanted }: ProvisioningJob, reason: string): Promise<void> {
    return this.provisioner.fail(tenantId, wanted, reason);
  }
}
