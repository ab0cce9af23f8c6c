import { Logger } from '@nestjs/common';
import { type Job, UnrecoverableError } from 'bullmq';
import { DomainError } from '#libs/kernel';
import { JobWorker } from './job-worker.js';

/** Does what waits. What cannot succeed by being tried again fails for good, with a reason that people are shown. */
export abstract class PendingWorker<Data extends object> extends JobWorker {
  private readonly logger = new Logger(this.constructor.name);

  /** @returns whether there was anything to do */
  protected abstract run(data: Data): Promise<boolean>;

  /** Records why it cannot be done. */
  protected abstract fail(data: Data, reason: string): Promise<void>;

  protected override async work({ data }: Job<Data>): Promise<void> {
    try {
      const done = await this.run(data);
      this.logger.log({ ...data, provisioned: done }, done ? 'provisioned' : 'nothing to provision');
    } catch (error) {
      if (!isFinal(error)) throw error;
      this.logger.error({ ...data, err: error }, 'cannot be provisioned');
      await this.fail(data, error.message);
      throw new UnrecoverableError(error.message);
    }
  }
}

/** Whether trying again cannot help: a refusal of ours is for good, all else (a database that is away, say) passes. */
const isFinal = (error: unknown): error is DomainError =>
  error instanceof DomainError && !error.retryable && error.code !== 'internal' && error.code !== 'unavailable';
