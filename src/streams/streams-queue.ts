import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import type { JobsOptions, Queue } from 'bullmq';
import { enqueued, jobCause } from '../platform/queue/index.js';

export const STREAMS_QUEUE = 'streams';

/** See to the streams of a tenant; with a site, also of its leaf, which has just connected. */
export interface StreamsJob {
  tenantId: string;
  edgeSiteId?: string;
}

/** Measure what waits at the leaf of a site, for somebody who waits for it. */
export interface MeasureJob {
  tenantId: string;
  edgeSiteId: string;
  requestId: string;
}

/** The name of such jobs. */
export const MEASURE = 'measure';

/** The name of jobs that come when sources of a tenant have been out for long enough. The others see to streams. */
export const RESTED = 'rested';

const OPTIONS = { attempts: 5 };

/** Asks for streams to be seen to. The sweep sees to all of them in time; asking makes it fast. */
@Injectable()
export class Streams {
  private readonly logger = new Logger(Streams.name);

  constructor(@InjectQueue(STREAMS_QUEUE) private readonly queue: Queue<StreamsJob | MeasureJob>) {}

  /** The leaves of some sites have connected. */
  async request(tenantId: string, edgeSiteIds: readonly string[]): Promise<void> {
    if (edgeSiteIds.length === 0) return;
    const opts = { ...OPTIONS, ...jobCause() };
    const jobs = edgeSiteIds.map((edgeSiteId) => ({ name: 'reconcile', data: { tenantId, edgeSiteId }, opts }));
    await enqueued(this.queue.addBulk(jobs), this.logger, { tenantId, sites: jobs.length });
  }

  /** What a tenant's streams should be has changed: a site is gone or is to keep something else, or other subjects are stored. */
  requestTenant(tenantId: string): Promise<void> {
    return this.add('reconcile', { tenantId });
  }

  /** Sources of a tenant may be put back then: all that were taken out together. Asking for the same again does nothing. */
  async requestRested(tenantId: string, at: Date, now: Date): Promise<void> {
    const options = { jobId: `${RESTED}-${tenantId}-${at.getTime()}`, delay: Math.max(0, at.getTime() - now.getTime()) };
    await this.add(RESTED, { tenantId }, options);
  }

  /** Somebody wants to know what waits at the leaf of a site. */
  requestMeasure(job: MeasureJob): Promise<void> {
    return this.add(MEASURE, job);
  }

  /** Not de-duplicated: each connect needs its source to be re-armed, after it. */
  private async add(name: string, job: StreamsJob | MeasureJob, options: JobsOptions = {}): Promise<void> {
    await enqueued(this.queue.add(name, job, { ...OPTIONS, ...jobCause(), ...options }), this.logger, { ...job });
  }
}
