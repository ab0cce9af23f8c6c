import { Processor } from '@nestjs/bullmq';
import { Logger } from '@nestjs/common';
import { type Job, UnrecoverableError } from 'bullmq';
import { DomainError } from '#libs/kernel';
import { PROVISIONING_QUEUE, type ProvisioningJob } from '../edge-sites/index.js';
import { JobWorker } from '../platform/queue/index.js';
import { LeafProvisioner } from './leaf-provisioner.js';
import { ProvisioningBatches } from './provisioning-batches.js';

/** Two batches of one tenant: one is made while the next gathers. */
const CONCURRENCY = 32;

@Processor(PROVISIONING_QUEUE, {
  concurrency: CONCURRENCY,
  // After a worker was killed, its jobs are taken up again this soon.
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 10,
})
export class ProvisioningProcessor extends JobWorker {
  private readonly logger = new Logger(ProvisioningProcessor.name);

  constructor(
    private readonly batches: ProvisioningBatches,
    private readonly provisioner: LeafProvisioner,
  ) {
    super();
  }

  override async process({ data }: Job<ProvisioningJob>): Promise<void> {
    const { tenantId, ...wanted } = data;
    try {
      const provisioned = await this.batches.provision(tenantId, wanted);
      this.logger.log({ ...data, provisioned }, provisioned ? 'leaf provisioned' : 'nothing to provision');
    } catch (error) {
      if (!isFinal(error)) throw error;
      this.logger.error({ ...data, err: error }, 'leaf cannot be provisioned');
      await this.provisioner.fail(tenantId, wanted, error.message);
      throw new UnrecoverableError(error.message);
    }
  }
}

/** Whether trying again cannot help: a refusal of ours is for good, all else (a database that is away, say) passes. */
const isFinal = (error: unknown): error is DomainError =>
  error instanceof DomainError && !error.retryable && error.code !== 'internal' && error.code !== 'unavailable';
