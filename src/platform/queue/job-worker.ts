import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { Logger, type OnModuleDestroy } from '@nestjs/common';

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

  async onModuleDestroy(): Promise<void> {
    await this.worker.close();
  }
}
