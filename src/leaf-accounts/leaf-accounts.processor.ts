import { Processor } from '@nestjs/bullmq';
import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { Job } from 'bullmq';
import { AccountPusher, HubConnection } from '../nats/index.js';
import { JOB_WORKER, JobWorker } from '../platform/queue/index.js';
import { Sweep } from '../platform/sweep.js';
import { LEAF_ACCOUNTS_QUEUE, LeafAccounts, type LeafAccountsJob } from './leaf-accounts-queue.js';
import { LeafAccountPusher } from './leaf-account-pusher.js';

const SWEEP_INTERVAL = 5_000;

/** Pushes accounts to leaves when the hub has a new one, when a leaf comes, and whenever a sweep finds a leaf that has not confirmed. */
@Processor(LEAF_ACCOUNTS_QUEUE, { ...JOB_WORKER, concurrency: 4 })
export class LeafAccountsProcessor extends JobWorker implements OnApplicationBootstrap {
  private readonly logger = new Logger(LeafAccountsProcessor.name);
  private readonly sweep = new Sweep(SWEEP_INTERVAL, () => this.requestPending(), this.logger);

  constructor(
    private readonly pusher: LeafAccountPusher,
    private readonly leafAccounts: LeafAccounts,
    private readonly hubAccounts: AccountPusher,
    private readonly hub: HubConnection,
  ) {
    super();
  }

  protected override async work({ data }: Job<LeafAccountsJob>): Promise<void> {
    // Without a hub there is nothing to wait for here: leaves come again when it is back.
    if (this.hub.connected) await this.pusher.push(data.tenantId);
  }

  onApplicationBootstrap(): void {
    this.hubAccounts.onNewRevision((tenantId) => this.leafAccounts.request(tenantId));
    this.sweep.start();
  }

  override async onModuleDestroy(): Promise<void> {
    await this.sweep.stop();
    await super.onModuleDestroy();
  }

  private async requestPending(): Promise<void> {
    if (!this.hub.connected) return;
    for (const tenantId of await this.pusher.pending()) await this.leafAccounts.request(tenantId);
  }
}
