import { Logger } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Batches } from '#libs/kernel';
import { enqueued } from './enqueue.js';
import { type JobCause, jobCause } from './job-cause.js';

/** A job carries ids only; what is to be done is read when it runs. */
export interface PendingJob<Data> {
  /** Of two jobs with one id, the second is dropped. */
  jobId: string;
  data: Data;
}

/** Jobs in one statement. */
const BATCH = 100;

/** Things that wait for a worker: a job makes it fast, and a sweep (`PendingSweep`) makes it sure. */
export abstract class PendingQueue<Pending, Data extends object> {
  private readonly logger = new Logger(this.constructor.name);
  /** What many requests add at the same time goes to the queue together. */
  private readonly batches = new Batches<{ pending: Pending; cause: JobCause }, void>(BATCH, async (_group, all) => {
    await this.addBulk(all);
    return all.map(() => ({ result: undefined }));
  });

  protected constructor(
    private readonly queue: Queue<Data>,
    private readonly jobOf: (pending: Pending) => PendingJob<Data>,
  ) {}

  /** That it is done at all is the sweep's to guarantee, so a queue that is away fails nobody's request. */
  async add(pending: Pending): Promise<void> {
    await enqueued(this.batches.add('all', { pending, cause: jobCause() }), this.logger, this.jobOf(pending).data as Record<string, unknown>);
  }

  /** What has a job already is left alone. */
  async addAll(all: readonly Pending[]): Promise<void> {
    await this.addBulk(all.map((pending) => ({ pending, cause: jobCause() })));
  }

  private async addBulk(all: readonly { pending: Pending; cause: JobCause }[]): Promise<void> {
    const jobs = all.map(({ pending, cause }) => ({ ...this.jobOf(pending), cause }));
    await this.queue.addBulk(jobs.map(({ jobId, data, cause }) => ({ name: 'provision', data, opts: { jobId, ...cause } })) as never);
  }
}
