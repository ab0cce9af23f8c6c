import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { enqueued, jobCause } from '../platform/queue/index.js';

export const LEAF_ACCOUNTS_QUEUE = 'leaf-accounts';

/** Push a tenant's account to those of its leaves that have not confirmed its newest revision. */
export interface LeafAccountsJob {
  tenantId: string;
}

/** Asks for accounts to be pushed to leaves. The sweep sees to it that this happens; asking makes it fast. */
@Injectable()
export class LeafAccounts {
  private readonly logger = new Logger(LeafAccounts.name);

  constructor(@InjectQueue(LEAF_ACCOUNTS_QUEUE) private readonly queue: Queue<LeafAccountsJob>) {}

  /** Not de-duplicated: one that is under way may have looked already who waits. */
  async request(tenantId: string): Promise<void> {
    await enqueued(this.queue.add('push', { tenantId }, { attempts: 1, ...jobCause() }), this.logger, { tenantId });
  }
}
