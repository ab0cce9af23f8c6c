import { Processor } from '@nestjs/bullmq';
import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { Job } from 'bullmq';
import { JOB_WORKER, JobWorker } from '../platform/queue/index.js';
import { Sweep } from '../platform/sweep.js';
import { ACCOUNTS_QUEUE, type AccountPush } from './account-push.js';
import { AccountPusher, PUSH_CONCURRENCY } from './account-pusher.js';
import { HubConnection } from './hub-connection.js';

const SWEEP_INTERVAL = 5_000;

/** Pushes accounts when asked, when the hub comes back, and whenever a sweep finds one that the hub has not confirmed. */
@Processor(ACCOUNTS_QUEUE, { ...JOB_WORKER, concurrency: PUSH_CONCURRENCY })
export class AccountPushProcessor extends JobWorker implements OnApplicationBootstrap {
  private readonly logger = new Logger(AccountPushProcessor.name);
  private readonly sweep = new Sweep(SWEEP_INTERVAL, () => this.pusher.pushPending(), this.logger);

  constructor(
    private readonly pusher: AccountPusher,
    private readonly hub: HubConnection,
  ) {
    super();
  }

  protected override async work({ data }: Job<AccountPush>): Promise<void> {
    // Without a hub there is nothing to wait for here: all accounts are pushed when it is back.
    if (this.hub.connected) await this.pusher.push(data.accountId);
  }

  onApplicationBootstrap(): void {
    this.hub.onConnected(() => this.pusher.hubCame());
    this.sweep.start();
  }

  override async onModuleDestroy(): Promise<void> {
    await this.sweep.stop();
    await super.onModuleDestroy();
  }
}
