import { Processor } from '@nestjs/bullmq';
import { Logger } from '@nestjs/common';
import { type Job, UnrecoverableError } from 'bullmq';
import { PROVISIONING_QUEUE, type ProvisioningJob } from '../edge-sites/index.js';
import { JobWorker } from '../platform/queue/index.js';
import { isFinal, LeafProvisioner } from './leaf-provisioner.js';

/** Signing takes one core; more at once only overlaps waiting for the database. */
const CONCURRENCY = 8;

@Processor(PROVISIONING_QUEUE, {
  concurrency: CONCURRENCY,
  // After a worker was killed, its jobs are taken up again this soon.
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 10,
})
export class ProvisioningProcessor extends JobWorker {
  private readonly logger = new Logger(ProvisioningProcessor.name);

  constructor(private readonly provisioner: LeafProvisioner) {
    super();
  }

  override async process({ data }: Job<ProvisioningJob>): Promise<void> {
    try {
      const provisioned = await this.provisioner.provision(data);
      this.logger.log({ ...data, provisioned }, provisioned ? 'leaf provisioned' : 'nothing to provision');
    } catch (error) {
      if (!isFinal(error)) throw error;
      this.logger.error({ ...data, err: error }, 'leaf cannot be provisioned');
      await this.provisioner.fail(data, error.message);
      throw new UnrecoverableError(error.message);
    }
  }
}
