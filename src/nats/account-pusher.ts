import { LockMode, raw } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { NatsAccount } from '#libs/model';
import { claimsUpdate, parseClaimsUpdateAnswer } from '#libs/nats';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { HubConnection } from './hub-connection.js';

const BATCH = 500;
/** Pushes under way at once. Each holds a database connection while the hub answers. */
export const PUSH_CONCURRENCY = 4;

/** Sorts before every id. */
const FIRST = '00000000-0000-0000-0000-000000000000';

type PushListener = (tenantId: string) => Promise<void>;

/** Brings account JWTs to the hub. */
@Injectable()
export class AccountPusher implements OnModuleDestroy {
  private readonly logger = new Logger(AccountPusher.name);
  /** Since when the hub has been there. It may have lost before that what it confirmed before that. */
  #hubSince = new Date(0);
  #lastPass: Promise<void> = Promise.resolve();
  #stopping = false;
  readonly #listeners: PushListener[] = [];

  constructor(
    private readonly database: Database,
    private readonly hub: HubConnection,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Calls back whenever the hub has confirmed a new revision of one of a tenant's accounts. */
  onNewRevision(listener: PushListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Pushes the newest JWT of an account, and waits for the hub to confirm it. It happens under a lock of the row: a hub
   * stores an older JWT that comes after a newer one, and a revoked user would be back.
   *
   * @throws DomainError `hub_unreachable`
   */
  async push(accountId: string): Promise<void> {
    const renewed = await this.database.transaction(PLATFORM, async (em) => {
      const account = await em.findOne(NatsAccount, { id: accountId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (account === null || this.isConfirmed(account)) return undefined;
      const { subject, payload } = claimsUpdate(account.jwt);
      const answer = parseClaimsUpdateAnswer(await this.hub.request(subject, payload));
      if (!answer.accepted) {
        throw new DomainError('hub_unreachable', 'The hub refused an account.', {
          context: { accountId, hubSaid: answer.message },
          retryable: true,
        });
      }
      const isNew = !account.pushed;
      account.pushedRevision = account.jwtRevision;
      account.pushedAt = this.clock.now();
      return isNew ? account : undefined;
    });
    if (renewed !== undefined) await Promise.all(this.#listeners.map((listener) => listener(renewed.tenantId)));
  }

  /** The hub has come, perhaps with an empty directory: nothing counts as confirmed any more, and everything is pushed. */
  async hubCame(): Promise<void> {
    this.#hubSince = this.clock.now();
    await this.pushPending();
  }

  /** Pushes what the hub has not confirmed since it came, after whatever pass is under way. */
  pushPending(): Promise<void> {
    const pass = this.#lastPass.then(() => this.pass());
    this.#lastPass = pass.catch(() => undefined);
    return pass;
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping = true;
    await this.#lastPass;
  }

  private get mayPush(): boolean {
    return this.hub.connected && !this.#stopping;
  }

  private async pass(): Promise<void> {
    const pending = { $or: [{ pushedRevision: null }, { pushedRevision: { $lt: raw('jwt_revision') } }, { pushedAt: { $lt: this.#hubSince } }] };
    for (let last = FIRST; this.mayPush; ) {
      const page = await this.database
        .em(PLATFORM)
        .find(NatsAccount, { $and: [pending, { id: { $gt: last } }] }, { fields: ['id'], orderBy: { id: 'asc' }, limit: BATCH });
      if (page.length === 0) return;
      await this.pushEach(page.map(({ id }) => id));
      last = page.at(-1)!.id;
    }
  }

  private isConfirmed({ pushed, pushedAt }: NatsAccount): boolean {
    return pushed && pushedAt !== null && pushedAt !== undefined && pushedAt >= this.#hubSince;
  }

  /** One that fails does not keep the others waiting. */
  private async pushEach(accountIds: string[]): Promise<void> {
    const worker = async () => {
      for (let id = accountIds.shift(); id !== undefined && this.mayPush; id = accountIds.shift()) {
        await this.push(id).catch((error: unknown) => this.logger.warn({ err: error, accountId: id }, 'an account was not pushed; tried again'));
      }
    };
    await Promise.all(Array.from({ length: PUSH_CONCURRENCY }, worker));
  }
}
