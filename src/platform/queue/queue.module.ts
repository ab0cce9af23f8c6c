import { BullModule } from '@nestjs/bullmq';
import { Global, Logger, Module, type OnModuleInit } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { createPostgresBackend, Queue, type QueueOptions, setDefaultBackendFactory } from 'bullmq';
import { Client } from 'pg';
import { Config } from '../config/index.js';
import { DatabaseUrls } from '../database/index.js';

/** Where the queue keeps its tables; its migrations make them. */
const SCHEMA = 'bullmq';

/** Jobs are cheap to make again (a sweep does), so little is kept of finished ones. */
const defaultJobOptions = {
  attempts: 10,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: true,
} as const;

/**
 * BullMQ holds connections without listening to their errors: one that the server ends between two statements would end the process.
 * Whatever runs on it is told all the same, and the pool drops it.
 */
export class QueueClient extends Client {
  constructor(...config: ConstructorParameters<typeof Client>) {
    super(...config);
    this.on('error', () => undefined);
  }
}

/** BullMQ on PostgreSQL, or on Redis or Valkey when QUEUE_URL names one. */
export function queueOptions(config: Config, urls: DatabaseUrls): QueueOptions {
  const queueUrl = config.queueUrl?.reveal();
  if (queueUrl?.startsWith('redis')) {
    setDefaultBackendFactory();
    return { connection: { url: queueUrl }, defaultJobOptions };
  }
  setDefaultBackendFactory(createPostgresBackend);
  const connection = { connectionString: urls.jobsUrl, schema: SCHEMA, migrate: true, max: 2, Client: QueueClient };
  return { connection: connection as QueueOptions['connection'], defaultJobOptions };
}

@Global()
@Module({
  imports: [DiscoveryModule, BullModule.forRootAsync({ useFactory: queueOptions, inject: [Config, DatabaseUrls] })],
})
export class QueueModule implements OnModuleInit {
  private readonly logger = new Logger(QueueModule.name);

  constructor(private readonly discovery: DiscoveryService) {}

  /** A queue whose errors nobody listens to prints them itself, connection and all. */
  onModuleInit(): void {
    for (const { instance } of this.discovery.getProviders() as { instance: unknown }[]) {
      if (!(instance instanceof Queue)) continue;
      instance.on('error', (error) => this.logger.warn({ err: error, queue: instance.name }, 'the queue is away'));
    }
  }
}
