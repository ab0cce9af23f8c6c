import { Processor } from '@nestjs/bullmq';
import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { Job } from 'bullmq';
import { NatsLeafServer } from '#libs/model';
import { HubConnection } from '../nats/index.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { JOB_WORKER, JobWorker } from '../platform/queue/index.js';
import { Sweep } from '../platform/sweep.js';
import { BufferMeasurements } from './buffer-measurements.js';
import { StreamReconciler } from './stream-reconciler.js';
import { MEASURE, type MeasureJob, RESTED, STREAMS_QUEUE, type StreamsJob } from './streams-queue.js';

/** How often each tenant's streams are compared with what they should be, in milliseconds. */
const SWEEP_INTERVAL = 60_000;

/** How often leaves are looked for that are to be measured, in milliseconds. */
const MEASURE_INTERVAL = 5_000;

/** Leaves that connect together wait together, and their sources are started in one go. */
const CONCURRENCY = 64;

@Processor(STREAMS_QUEUE, { ...JOB_WORKER, concurrency: CONCURRENCY, lockDuration: 30_000 })
export class StreamsProcessor extends JobWorker implements OnApplicationBootstrap {
  private readonly logger = new Logger(StreamsProcessor.name);
  private readonly sweep = new Sweep(SWEEP_INTERVAL, () => this.all(), this.logger);
  private readonly measuring = new Sweep(MEASURE_INTERVAL, () => this.measurements.measureDue(), this.logger);

  constructor(
    private readonly reconciler: StreamReconciler,
    private readonly measurements: BufferMeasurements,
    private readonly database: Database,
    private readonly hub: HubConnection,
  ) {
    super();
  }

  protected override async work({ name, data }: Job<StreamsJob | MeasureJob>): Promise<void> {
    if (name === MEASURE) await this.measurements.measureFor(data as MeasureJob);
    else if (name === RESTED) await this.reconciler.putBack(data.tenantId);
    else await this.reconciler.reconcile(data);
  }

  onApplicationBootstrap(): void {
    this.sweep.start();
    this.measuring.start();
  }

  override async onModuleDestroy(): Promise<void> {
    await Promise.all([this.sweep.stop(), this.measuring.stop()]);
    await super.onModuleDestroy();
  }

  /** Tenants with a leaf that is connected now. One that fails does not keep the others waiting. */
  private async all(): Promise<void> {
    if (!this.hub.connected) return;
    const rows = await this.database
      .em(PLATFORM)
      .find(NatsLeafServer, { linkId: { $ne: null } }, { fields: ['tenantId'] });
    for (const tenantId of new Set(rows.map((row) => row.tenantId))) {
      await this.reconciler.reconcile({ tenantId }).catch((error: unknown) => {
        this.logger.warn({ err: error, tenantId }, 'streams not seen to; tried again');
      });
    }
  }
}
