import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { NatsLeafServer } from '#libs/model';
import { ProvisioningQueue } from '../edge-sites/index.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { Sweep } from '../platform/sweep.js';

const INTERVAL = 5_000;
const BATCH = 500;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Enqueues every pending leaf that has no job: the guarantee that a crash between commit and enqueue loses nothing. */
@Injectable()
export class ProvisioningSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly sweep = new Sweep(INTERVAL, () => this.run(), new Logger(ProvisioningSweep.name));

  constructor(
    private readonly database: Database,
    private readonly queue: ProvisioningQueue,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sweep.stop();
  }

  async run(): Promise<void> {
    for (let last = FIRST_ID; ; ) {
      const pending = await this.database
        .em(PLATFORM)
        .find(
          NatsLeafServer,
          { status: 'pending', lastError: null, id: { $gt: last } },
          { fields: ['id', 'tenantId', 'generation'], orderBy: { id: 'asc' }, limit: BATCH },
        );
      if (pending.length === 0) return;
      await this.queue.addAll(pending);
      last = pending.at(-1)!.id;
    }
  }
}
