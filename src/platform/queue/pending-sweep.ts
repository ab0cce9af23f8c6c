import { forEachPage, SweepService } from '../sweep.js';
import type { PendingQueue } from './pending-queue.js';

const INTERVAL = 5_000;
const BATCH = 500;

/** Enqueues all that is pending and has no job: the guarantee that a crash between commit and enqueue loses nothing. */
export abstract class PendingSweep<Pending extends { id: string }> extends SweepService {
  protected constructor(private readonly queue: Pick<PendingQueue<Pending, object>, 'addAll'>) {
    super(INTERVAL);
  }

  /** The pending ones with the lowest ids above `lastId`, in their order. */
  protected abstract page(lastId: string, limit: number): Promise<Pending[]>;

  async run(): Promise<void> {
    await forEachPage(
      (lastId) => this.page(lastId, BATCH),
      (pending) => this.queue.addAll(pending),
    );
  }
}
