import { InjectQueue } from '@nestjs/bullmq';
import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { NatsAccount, NatsUser, Tenant } from '#libs/model';
import {
  type Account,
  createKeyPair,
  type KeyPair,
  keyPairFromSeed,
  leafAccountEdition,
  NO_LIMIT,
  type PreloadedAccount,
  revokeUser,
  signAccount,
} from '#libs/nats';
import { CLOCK, RANDOM } from '../platform/clock.js';
import type { Em } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { enqueued } from '../platform/queue/index.js';
import { ACCOUNTS_QUEUE, type AccountPush } from './account-push.js';
import { OperatorService } from './operator.service.js';

/** Nothing is reserved at the hub: what a tenant stores there is bounded by its streams. */
const JETSTREAM = { maxMemoryBytes: NO_LIMIT, maxFileBytes: NO_LIMIT, maxStreams: NO_LIMIT, maxConsumers: NO_LIMIT };

/** How long after a user's JWT has expired its revocation is kept: servers' clocks differ. Milliseconds. */
const REVOCATION_GRACE = 60 * 60 * 1000;

/** The tenants' NATS accounts: one each, the same on the hub and on the tenant's leaves. */
@Injectable()
export class AccountService {
  private readonly logger = new Logger(AccountService.name);

  constructor(
    private readonly operator: OperatorService,
    private readonly keyRing: KeyRing,
    @InjectQueue(ACCOUNTS_QUEUE) private readonly queue: Queue<AccountPush>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** Makes the account of a new tenant, in the transaction that makes the tenant. Call `announce` when that is committed. */
  async createAccount(em: Em, tenant: Tenant): Promise<NatsAccount> {
    const id = newId(this.clock, this.random);
    const identity = createKeyPair('account', this.random);
    const signing = createKeyPair('account', this.random);
    const row = Object.assign(new NatsAccount(), {
      id,
      tenantId: tenant.id,
      publicKey: identity.publicKey,
      identitySeedCiphertext: this.keyRing.seal(identity.seed, place(id, 'identity_seed')),
      signingKey: signing.publicKey,
      signingSeedCiphertext: this.keyRing.seal(signing.seed, place(id, 'signing_seed')),
      revocations: {},
      jwtRevision: 0,
      pushedRevision: null,
      pushedAt: null,
      createdAt: this.clock.now(),
    });
    this.sign(row, claimsOf(row, tenant));
    em.persist(row);
    return row;
  }

  async accountOf(em: Em, tenantId: string, lockMode = LockMode.NONE): Promise<NatsAccount> {
    const account = await em.findOne(NatsAccount, { tenantId }, { lockMode });
    if (account === null) throw new DomainError('internal', 'The tenant has no NATS account.', { context: { tenantId } });
    return account;
  }

  /** The account as leaves preload it: with its revocations, and no more JetStream than each leaf has (bytes). */
  async leafEditions(
    em: Em,
    tenantId: string,
    leaves: readonly { maxMemoryBytes: number; maxFileBytes: number }[],
  ): Promise<PreloadedAccount[]> {
    const row = await this.accountOf(em, tenantId);
    const claims = claimsOf(row, await tenantOf(em, row));
    return leaves.map((leaf) => ({
      publicKey: row.publicKey,
      jwt: signAccount(leafAccountEdition(claims, leaf), this.operator.signingKey, this.clock),
    }));
  }

  /** What signs the account's users. */
  signingKey(row: NatsAccount): KeyPair {
    return keyPairFromSeed(this.keyRing.open(row.signingSeedCiphertext, place(row.id, 'signing_seed')));
  }

  /**
   * Revokes users, and makes the account's JWT that says so. Call `announce` when the transaction is committed.
   * @param users of this tenant, loaded by `em`
   */
  async revokeUsers(em: Em, tenantId: string, users: readonly NatsUser[]): Promise<NatsAccount> {
    const now = this.clock.now();
    const row = await this.accountOf(em, tenantId, LockMode.PESSIMISTIC_WRITE);
    let claims = claimsOf(row, await tenantOf(em, row));
    for (const user of users) {
      user.apply('REVOKE');
      user.revokedAt = now;
      // Clocks differ, and a server lets in what was issued after the moment of revocation: no later one is ever wanted.
      claims = revokeUser(claims, user.publicKey, user.expiresAt ?? now);
    }
    const expired = await this.expiredUsers(em, Object.keys(row.revocations));
    row.revocations = Object.fromEntries(Object.entries(claims.revocations).filter(([key]) => !expired.has(key)));
    this.sign(row, { ...claims, revocations: row.revocations });
    return row;
  }

  /** Asks for the newest JWT to be pushed to the hub. The sweep sees to it that this happens; this makes it fast. */
  async announce({ id, jwtRevision }: NatsAccount): Promise<void> {
    const job = this.queue.add('push', { accountId: id }, { jobId: `push-${id}-r${jwtRevision}` });
    await enqueued(job, this.logger, { accountId: id });
  }

  private sign(row: NatsAccount, claims: Account): void {
    row.jwt = signAccount(claims, this.operator.signingKey, this.clock);
    row.jwtRevision += 1;
  }

  /** Users whose JWT no server takes any more, revoked or not. */
  private async expiredUsers(em: Em, keys: string[]): Promise<Set<string>> {
    const before = new Date(this.clock.now().getTime() - REVOCATION_GRACE);
    const users = await em.find(NatsUser, { publicKey: keys, expiresAt: { $lt: before } }, { fields: ['publicKey'] });
    return new Set(users.map(({ publicKey }) => publicKey));
  }
}

const place = (rowId: string, column: string) => ({ table: 'nats_accounts', column, rowId });

const tenantOf = (em: Em, { tenantId }: NatsAccount) => em.findOneOrFail(Tenant, { id: tenantId });

const claimsOf = (row: NatsAccount, tenant: Tenant): Account => ({
  name: tenant.slug,
  publicKey: row.publicKey,
  signingKeys: [row.signingKey],
  revocations: row.revocations,
  jetstream: JETSTREAM,
});
