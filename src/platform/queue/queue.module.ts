import { BullModule, WorkerHost } from '@nestjs/bullmq';
import { Global, Logger, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { createPostgresBackend, Queue, type QueueOptions, setDefaultBackendFactory } from 'bullmq';
import { Config } from '../config/index.js';
import { DatabaseUrls } from '../database/index.js';
import { instancesOf } from './instances.js';
import { listenToWaitingClients, QueueClient } from './queue-clients.js';
import { QueueMetrics } from './queue-metrics.js';

/** Where the queue keeps its tables; its migrations make them. */
const SCHEMA = 'bullmq';

/** Jobs are cheap to make again (a sweep does), so little is kept of finished ones. */
const defaultJobOptions = {
  attempts: 10,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: true,
} as const;

/** BullMQ on PostgreSQL, or on Redis or Valkey when QUEUE_URL names one. */
export function queueOptions(config: Config, urls: DatabaseUrls): QueueOptions {
  if (isOnRedis(config)) {
    setDefaultBackendFactory();
    return { connection: { url: config.queueUrl!.reveal() }, defaultJobOptions };
  }
  setDefaultBackendFactory(createPostgresBackend);
  listenToWaitingClients();
  const connection = { connectionString: urls.jobsUrl, schema: SCHEMA, migrate: true, max: 2, Client: QueueClient };
  return { connection: connection as QueueOptions['connection'], defaultJobOptions };
}

const isOnRedis = ({ queueUrl }: Config): boolean => queueUrl?.reveal().startsWith('redis') ?? false;

@Global()
@Module({
  imports: [DiscoveryModule, BullModule.forRootAsync({ useFactory: queueOptions, inject: [Config, DatabaseUrls] })],
  providers: [QueueMetrics],
})
export class QueueModule implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(QueueModule.name);

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly config: Config,
  ) {}

  /** A queue whose errors nobody listens to prints them itself, connection and all. */
  onModuleInit(): void {
    for (const queue of instancesOf(this.discovery, Queue)) {
      queue.on('error', (error) => this.logger.warn({ err: error, queue: queue.name }, 'the queue is away'));
    }
  }

  /**
   * On PostgreSQL, BullMQ makes sure of its tables once for each connection. Where that fails it is never tried again, and the worker asks
   * in vain without a pause: then the process does not start. Redis may come later.
   */
  async onApplicationBootstrap(): Promise<void> {
    if (isOnRedis(this.config)) return;
    const workers = instancesOf(this.discovery, WorkerHost).map(({ worker }) => worker);
    await Promise.all([...instancesOf(this.discovery, Queue), ...workers].map((one) => one.waitUntilReady()));
  }
}
