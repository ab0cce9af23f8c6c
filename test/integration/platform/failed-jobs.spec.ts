import { BullModule, getQueueToken, Processor } from '@nestjs/bullmq';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Job, type Queue, UnrecoverableError } from 'bullmq';
import { until } from '../../../lab/until.js';
import { ClockModule } from '../../../src/platform/clock.js';
import { ConfigModule, parseConfig } from '../../../src/platform/config/index.js';
import { DatabaseUrls, DatabaseUrlsModule } from '../../../src/platform/database/index.js';
import { MetricsModule } from '../../../src/platform/metrics/index.js';
import { JobWorker, QueueModule } from '../../../src/platform/queue/index.js';
import { TracingModule } from '../../../src/platform/tracing/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

const QUEUE = 'failing';

interface Task {
  /** How often it fails before it succeeds. */
  failures: number;
  final?: boolean;
  /** What nobody is to read in a log. */
  secret: string;
}

@Processor(QUEUE)
class FailingWorker extends JobWorker {
  readonly done: string[] = [];

  protected override async work({ id, data, attemptsMade }: Job<Task>): Promise<void> {
    if (data.final) throw new UnrecoverableError('It cannot be done.');
    if (attemptsMade < data.failures) throw new Error('It was not done.');
    this.done.push(id!);
  }
}

@Module({ imports: [BullModule.registerQueue({ name: QUEUE })], providers: [FailingWorker] })
class FailingModule {}

describe('the log of a worker', () => {
  let database: TestDatabase;
  let process: INestApplicationContext;
  let queue: Queue<Task>;
  const warnings: unknown[][] = [];
  const ignore = () => undefined;

  const add = (jobId: string, task: Omit<Task, 'secret'>) => queue.add('task', { ...task, secret: 'hunter2' }, { jobId, attempts: 3, backoff: 0 });
  const warned = (jobId: string) => warnings.filter(([fields]) => (fields as { jobId?: string }).jobId === jobId);

  beforeAll(async () => {
    database = await startTestDatabase();
    const urls = new DatabaseUrls(database.ownerUrl, database.serviceUrl, database.jobsUrl);
    const config = parseConfig({ NODE_ENV: 'test', DATABASE_URL: database.serviceUrl });
    process = await NestFactory.createApplicationContext(
      { module: FailingModule, imports: [ConfigModule.forRoot(config), DatabaseUrlsModule.forRoot(urls), QueueModule, ClockModule, MetricsModule, TracingModule] },
      { logger: { log: ignore, error: ignore, warn: (...entry: unknown[]) => void warnings.push(entry) }, abortOnError: false },
    );
    queue = process.get(getQueueToken(QUEUE), { strict: false });
  });

  afterAll(async () => {
    await process?.close();
    await database?.close();
  });

  it('tells of a job that failed at its last attempt, once, and not what it carried', async () => {
    await add('often', { failures: 3 });
    await until('it failed for good', () => warned('often').length > 0);
    const err = expect.objectContaining({ message: 'It was not done.' });
    expect(warned('often')).toEqual([[{ queue: QUEUE, job: 'task', jobId: 'often', attempts: 3, err }, 'a job failed for good', 'FailingWorker']]);
    expect(JSON.stringify(warnings)).not.toContain('hunter2');
  });

  it('tells at once of one that is not tried again', async () => {
    await add('final', { failures: 0, final: true });
    await until('it failed for good', () => warned('final').length > 0);
    expect(warned('final')).toEqual([[expect.objectContaining({ jobId: 'final', attempts: 1 }), 'a job failed for good', 'FailingWorker']]);
  });

  it('says nothing of one that succeeds in the end', async () => {
    await add('twice', { failures: 2 });
    await until('it is done', () => process.get(FailingWorker).done.includes('twice'));
    expect(warned('twice')).toEqual([]);
  });
});
