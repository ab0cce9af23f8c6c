import { WorkerHost } from '@nestjs/bullmq';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { type Job, Queue } from 'bullmq';
import type { Clock } from '#libs/kernel';
import { CLOCK } from '../clock.js';
import { Metrics } from '../metrics/index.js';
import { instancesOf } from './instances.js';

/** Finished jobs are not kept: they are counted when they end. */
const STATES = ['waiting', 'active', 'delayed'] as const;

const BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/** Tells what waits in the queues, which is the same in all processes, and what became of the jobs that this one has done. */
@Injectable()
export class QueueMetrics implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    private readonly metrics: Metrics,
    private readonly discovery: DiscoveryService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const queues = instancesOf(this.discovery, Queue);
    this.metrics.gauges({ queue_jobs: 'Jobs of a queue that are in a state.' }, ['queue', 'state'], async ({ queue_jobs }) => {
      for (const queue of queues) {
        const counts = await queue.getJobCounts(...STATES);
        for (const state of STATES) queue_jobs.set({ queue: queue.name, state }, counts[state] ?? 0);
      }
    });
  }

  /** A worker is busy for a run; whoever asked waits from then on until the end of the last one. */
  onApplicationBootstrap(): void {
    const runs = this.metrics.histogram('job_run_duration_seconds', 'How long each run of a job took.', ['queue', 'result'], BUCKETS);
    const jobs = this.metrics.histogram('job_duration_seconds', 'From when a job was asked for until its end, whatever runs it took.', ['queue', 'result'], BUCKETS);
    const begun = new WeakMap<Job, bigint>();
    const ended = (job: Job, result: 'done' | 'failed') => {
      const labels = { queue: job.queueName, result };
      const begin = begun.get(job);
      if (begin !== undefined) runs.observe(labels, Number(process.hrtime.bigint() - begin) / 1e9);
      // Of another process's clock.
      if (job.finishedOn !== undefined) jobs.observe(labels, Math.max(0, this.clock.now().getTime() - job.timestamp) / 1000);
    };
    for (const { worker } of instancesOf(this.discovery, WorkerHost)) {
      worker.on('active', (job: Job) => void begun.set(job, process.hrtime.bigint()));
      worker.on('completed', (job: Job) => ended(job, 'done'));
      worker.on('failed', (job: Job | undefined) => job && ended(job, 'failed'));
    }
  }
}
