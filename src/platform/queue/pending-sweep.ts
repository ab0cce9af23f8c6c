import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Sweep } from '../sweep.js';
import type { PendingQueue } from './pending-queue.js';

const INTERVAL = 5_000;
const BATCH = 500;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Enqueues all that is pending and has no job: the guarantee that a crash between commit and enqueue loses nothing. */
export abstract class PendingSweep<Pending extends { id: string }> implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly sweep = new Sweep(INTERVAL, () => this.run(), new Logger(this.constructor.name));

  protected constructor(private readonly queue: Pick<PendingQueue<Pending, object>, 'addAll'>) {}

  /** The pending ones with the lowest ids above `lastId`, in their order. */
  protected abstract page(lastId: string, limit: number): Promise<Pending[]>;

  onApplicationBootstrap(): void {
    this.sweep.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sweep.stop();
  }

  async run(): Promise<void> {
    for (let lastId = FIRST_ID; ; ) {
      const pending = await this.page(lastId, BATCH);
      if (pending.length === 0) return;
      await this.queue.addAll(pending);
      lastId = pending.at(-1)!.id;
    }
  }
}
