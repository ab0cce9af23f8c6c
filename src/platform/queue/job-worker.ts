import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Job } from 'bullmq';

/** After a worker was killed, its jobs are taken up again this soon; after the queue was away, it is asked again this soon. Milliseconds. */
export const JOB_WORKER = { lockDuration: 10_000, stalledInterval: 5_000, maxStalledCount: 10, runRetryDelay: 1_000 };

/**
 * A worker that, when the process is to stop, takes no further job and finishes those that run, while everything that they
 * need (database, hub) is still there: Nest destroys modules before it shuts them down.
 */
export abstract class JobWorker extends WorkerHost implements OnModuleDestroy {
  /** Not of a job: the queue's database is away. Without a listener BullMQ prints the error, connection and all. */
  @OnWorkerEvent('error')
  onError(error: Error): void {
    new Logger(this.constructor.name).warn({ err: error }, 'the queue is away; it is tried again');
  }

  /** Of each attempt; only the last of a job is the end of it (it is then finished), and nothing else would tell of that. */
  @OnWorkerEvent('failed')
  onFailed(job: Job | undefined, error: Error): void {
    if (job?.finishedOn === undefined) return;
    const { name, id, attemptsMade, queueName: queue } = job;
    new Logger(this.constructor.name).warn({ queue, job: name, jobId: id, attempts: attemptsMade, err: error }, 'a job failed for good');
  }

  async onModuleDestroy(): Promise<void> {
    await this.worker.close();
  }
}
