import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { Inject, Logger, type OnModuleDestroy } from '@nestjs/common';
import { SpanKind } from '@opentelemetry/api';
import type { Job } from 'bullmq';
import { Tracing } from '../tracing/index.js';
import { causeOf } from './job-cause.js';

/** After a worker was killed, its jobs are taken up again this soon; after the queue was away, it is asked again this soon. Milliseconds. */
export const JOB_WORKER = { lockDuration: 10_000, stalledInterval: 5_000, maxStalledCount: 10, runRetryDelay: 1_000 };

/**
 * A worker that, when the process is to stop, takes no further job and finishes those that run, while everything that they
 * need (database, hub) is still there: Nest destroys modules before it shuts them down.
 */
export abstract class JobWorker extends WorkerHost implements OnModuleDestroy {
  @Inject(Tracing)
  private readonly tracing!: Tracing;

  /** Does what the job asks for. It is tried again when this throws. */
  protected abstract work(job: Job): Promise<void>;

  /** In the trace of whoever asked for it. */
  override process(job: Job): Promise<void> {
    const attributes = { 'messaging.system': 'bullmq', 'messaging.destination.name': job.queueName, 'messaging.message.id': job.id, 'serviceradar.attempt': job.attemptsMade + 1 };
    return this.tracing.span(`${job.queueName} ${job.name}`, { kind: SpanKind.CONSUMER, attributes, parent: causeOf(job) }, () => this.work(job));
  }

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
