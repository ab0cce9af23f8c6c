import { WorkerHost } from '@nestjs/bullmq';
import type { OnModuleDestroy } from '@nestjs/common';

/**
 * A worker that, when the process is to stop, takes no further job and finishes those that run, while everything that they
 * need (database, hub) is still there: Nest destroys modules before it shuts them down.
 */
export abstract class JobWorker extends WorkerHost implements OnModuleDestroy {
  async onModuleDestroy(): Promise<void> {
    await this.worker.close();
  }
}
