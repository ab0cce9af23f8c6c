import { LockMode, raw } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { NatsAccount } from '#libs/model';
import { claimsUpdate, parseClaimsUpdateAnswer } from '#libs/nats';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { HubConnection } from './hub-connection.js';

const BATCH = 500;
/** Pushes under way at once. Each holds a database connection while the hub answers. */
const CONCURRENCY = 8;

/** Brings account JWTs to the hub. */
@Injectable()
export class AccountPusher {
  constructor(
    private readonly database: Database,
    private readonly hub: HubConnection,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Pushes the newest JWT of an account, and waits for the hub to confirm it. It happens under a lock of the row: a hub
   * stores an older JWT that comes after a newer one, and a revoked user would be back.
   *
   * @param again push even what the hub confirmed before
   * @throws DomainError `hub_unreachable`
   */
  async push(accountId: string, { again = false } = {}): Promise<void> {
    await this.database.transaction(PLATFORM, async (em) => {
      const account = await em.findOne(NatsAccount, { id: accountId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (account === null || (account.pushed && !again)) return;
      const { subject, payload } = claimsUpdate(account.jwt);
      const answer = parseClaimsUpdateAnswer(await this.hub.request(subject, payload));
      if (!answer.accepted) {
        throw new DomainError('hub_unreachable', 'The hub refused an account.', {
          context: { accountId, hubSaid: answer.message },
          retryable: true,
        });
      }
      account.pushedRevision = account.jwtRevision;
      account.pushedAt = this.clock.now();
    });
  }

  /** Pushes what the hub has not confirmed yet. */
  async pushPending(): Promise<void> {
    if (!this.hub.connected) return;
    const where = { $or: [{ pushedRevision: null }, { pushedRevision: { $lt: raw('jwt_revision') } }] };
    const pending = await this.database.em(PLATFORM).find(NatsAccount, where, { fields: ['id'], limit: BATCH });
    await this.each(pending, (id) => this.push(id));
  }

  /** Pushes every account: a hub that comes back may have lost what it had. */
  async pushAll(): Promise<void> {
    for (let last = '00000000-0000-0000-0000-000000000000'; ; ) {
      const page = await this.database
        .em(PLATFORM)
        .find(NatsAccount, { id: { $gt: last } }, { fields: ['id'], orderBy: { id: 'asc' }, limit: BATCH });
      if (page.length === 0) return;
      await this.each(page, (id) => this.push(id, { again: true }));
      last = page.at(-1)!.id;
    }
  }

  private async each(accounts: readonly { id: string }[], work: (id: string) => Promise<void>): Promise<void> {
    const left = [...accounts];
    const worker = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next.id);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  }
}
