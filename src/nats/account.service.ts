import { InjectQueue } from '@nestjs/bullmq';
import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { type Clock, DomainError, newId, type Random, type Secret } from '#libs/kernel';
import { NatsAccount, NatsAccountKey, type NatsAccountKind, NatsUser, Tenant } from '#libs/model';
import {
  type Account,
  createKeyPair,
  type KeyPair,
  keyPairFromSeed,
  NO_LIMIT,
  revokeUser,
  signAccount,
} from '#libs/nats';
import { Audit } from '../platform/audit/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import type { Em } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { enqueued, jobCause } from '../platform/queue/index.js';
import { ACCOUNTS_QUEUE, type AccountPush } from './account-push.js';
import { laterThan } from './later-than.js';
import { type Operator, OperatorService } from './operator.service.js';

/** Nothing is reserved, at the hub or at a leaf: what a tenant stores is bounded by its streams, and by what each server has. */
const JETSTREAM = { maxMemoryBytes: NO_LIMIT, maxFileBytes: NO_LIMIT, maxStreams: NO_LIMIT, maxConsumers: NO_LIMIT };

/** How long after a user's JWT has expired its revocation is kept: servers' clocks differ. Milliseconds. */
const REVOCATION_GRACE = 60 * 60 * 1000;

/** The tenants' NATS accounts: one each, with the same JWT on the hub and on the tenant's leaves, and the control account beside it. */
@Injectable()
export class AccountService {
  private readonly logger = new Logger(AccountService.name);

  constructor(
    private readonly operator: OperatorService,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
    @InjectQueue(ACCOUNTS_QUEUE) private readonly queue: Queue<AccountPush>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** Makes the account of a new tenant, in the transaction that makes the tenant. Call `announce` when that is committed. */
  createAccount(em: Em, tenant: Tenant): Promise<NatsAccount> {
    return this.create(em, tenant, 'tenant');
  }

  async accountOf(em: Em, tenantId: string, kind: NatsAccountKind = 'tenant'): Promise<NatsAccount> {
    const account = await find(em, tenantId, kind);
    if (account === null) throw new DomainError('internal', 'The tenant has no NATS account of this kind.', { context: { tenantId, kind } });
    return account;
  }

  /** The tenant's control account, made when there is none, in a transaction. Call `announce` when that is committed. */
  async ensureControlAccount(em: Em, tenantId: string): Promise<NatsAccount> {
    const account = await find(em, tenantId, 'control');
    if (account !== null) return account;
    // Whoever else makes it now takes turns, and all but the first find it made.
    await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`control account ${tenantId}`]);
    return (await find(em, tenantId, 'control')) ?? this.create(em, await em.findOneOrFail(Tenant, { id: tenantId }), 'control');
  }

  /** What signs the account's users. */
  signingKey(row: NatsAccount): KeyPair {
    return keyPairFromSeed(this.keyRing.open(row.signingSeedCiphertext, place(row, 'signing_seed')));
  }

  /** Lets another key sign the account's users. What its JWT lists is the caller's to see to. */
  useSigningKey(row: NatsAccount, publicKey: string, seed: Secret): void {
    row.signingKey = publicKey;
    row.signingSeedCiphertext = this.keyRing.seal(seed, place(row, 'signing_seed'));
  }

  /** Puts a signing key of an account on record. */
  recordKey(em: Em, account: NatsAccount, key: Pick<NatsAccountKey, 'id' | 'status' | 'publicKey' | 'seedCiphertext' | 'listedRevision'>): NatsAccountKey {
    const now = this.clock.now();
    const row = Object.assign(new NatsAccountKey(), { ...key, tenantId: account.tenantId, accountId: account.id, statusSince: now, createdAt: now });
    em.persist(row);
    return row;
  }

  /**
   * Makes the account's JWT anew, of what the row says. Call `announce` when the transaction is committed.
   * @param row under a lock
   */
  async sign(em: Em, row: NatsAccount): Promise<void> {
    await this.revoke(em, row, []);
  }

  /**
   * Revokes users, and makes the JWTs of their accounts that say so. Call `announce` when the transaction is committed.
   * @param users of one tenant, loaded by `em`
   */
  async revokeUsers(em: Em, users: readonly NatsUser[]): Promise<NatsAccount[]> {
    // Before the rows: who waits for the keys must hold nothing that those wait for who sign.
    await this.operator.within(em);
    const ids = [...new Set(users.map(({ accountId }) => accountId))];
    const rows = await em.find(NatsAccount, { id: ids }, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
    for (const row of rows) await this.revoke(em, row, users.filter(({ accountId }) => accountId === row.id));
    return rows;
  }

  /**
   * Signs the accounts of a tenant anew that another key of the operator has signed than the one that signs now. Call `announce` when the
   * transaction is committed.
   * @returns those that were
   */
  async signAnew(em: Em, tenantId: string): Promise<NatsAccount[]> {
    const { signingKey } = await this.operator.within(em);
    const rows = await em.find(NatsAccount, { tenantId }, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
    const others = rows.filter(({ signedBy }) => signedBy !== signingKey.publicKey);
    for (const row of others) await this.revoke(em, row, []);
    return others;
  }

  /** Asks for the newest JWTs to be pushed to the hub. The sweep sees to it that this happens; this makes it fast. */
  async announce(...accounts: readonly NatsAccount[]): Promise<void> {
    for (const { id, jwtRevision } of accounts) {
      const job = this.queue.add('push', { accountId: id }, { jobId: `push-${id}-r${jwtRevision}`, ...jobCause() });
      await enqueued(job, this.logger, { accountId: id });
    }
  }

  private async create(em: Em, tenant: Tenant, kind: NatsAccountKind): Promise<NatsAccount> {
    const owner = { id: newId(this.clock, this.random), tenantId: tenant.id };
    const identity = createKeyPair('account', this.random);
    const signing = createKeyPair('account', this.random);
    const row = Object.assign(new NatsAccount(), {
      ...owner,
      kind,
      publicKey: identity.publicKey,
      identitySeedCiphertext: this.keyRing.seal(identity.seed, place(owner, 'identity_seed')),
      signingKey: signing.publicKey,
      signingSeedCiphertext: this.keyRing.seal(signing.seed, place(owner, 'signing_seed')),
      otherSigningKeys: [],
      revocations: {},
      jwtRevision: 0,
      pushedRevision: null,
      pushedAt: null,
      createdAt: this.clock.now(),
    });
    this.signBy(row, claimsOf(row, tenant), await this.operator.within(em));
    em.persist(row);
    this.recordKey(em, row, { id: row.id, status: 'active', publicKey: row.signingKey, seedCiphertext: null, listedRevision: 1 });
    return row;
  }

  private async revoke(em: Em, row: NatsAccount, users: readonly NatsUser[]): Promise<void> {
    const now = this.clock.now();
    const operator = await this.operator.within(em);
    let claims = claimsOf(row, await em.findOneOrFail(Tenant, { id: row.tenantId }));
    for (const user of new Set([...users, ...(await this.deafUsers(em, row, operator))])) {
      user.apply('REVOKE');
      user.revokedAt = now;
      // Clocks differ, and a server lets in what was issued after the moment of revocation: no later one is ever wanted.
      claims = revokeUser(claims, user.publicKey, user.expiresAt ?? now);
    }
    const expired = await this.expiredUsers(em, Object.keys(row.revocations));
    row.revocations = Object.fromEntries(Object.entries(claims.revocations).filter(([key]) => !expired.has(key)));
    this.signBy(row, { ...claims, revocations: row.revocations }, operator);
  }

  private signBy(row: NatsAccount, claims: Account, { signingKey }: Operator): void {
    const clock = row.jwtRevision === 0 ? this.clock : laterThan(row.jwt, this.clock);
    Object.assign(row, { jwt: signAccount(claims, signingKey, clock), jwtRevision: row.jwtRevision + 1, signedBy: signingKey.publicKey });
  }

  /**
   * When the operator signs with another key: users of the control account whose leaves do not know that key. They must not be told of what
   * it has signed, or they refuse the tenant's account from their next start on. Revoked when the control account is first signed with it.
   */
  private async deafUsers(em: Em, row: NatsAccount, { signingKey, signingKeySince }: Operator): Promise<NatsUser[]> {
    if (row.kind !== 'control' || row.signedBy === signingKey.publicKey) return [];
    const older = { $or: [{ operatorRevision: null }, { operatorRevision: { $lt: signingKeySince } }] };
    const where = { $and: [{ accountId: row.id, purpose: 'leaf_control' as const, status: 'issued' as const }, older] };
    const users = await em.find(NatsUser, where, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
    for (const { id, tenantId, name } of users) {
      const deed = { action: 'nats_user.revoke', subjectType: 'nats_user', subjectId: id, detail: { name, operator_key: signingKey.publicKey } };
      this.audit.record(em, systemCaller('operator-rotation', tenantId), deed);
    }
    return users;
  }

  /** Users whose JWT no server takes any more, revoked or not. */
  private async expiredUsers(em: Em, keys: string[]): Promise<Set<string>> {
    const before = new Date(this.clock.now().getTime() - REVOCATION_GRACE);
    const users = await em.find(NatsUser, { publicKey: keys, expiresAt: { $lt: before } }, { fields: ['publicKey'] });
    return new Set(users.map(({ publicKey }) => publicKey));
  }
}

const place = ({ id: rowId, tenantId }: Pick<NatsAccount, 'id' | 'tenantId'>, column: string) => ({ table: 'nats_accounts', column, rowId, tenantId });

const find = (em: Em, tenantId: string, kind: NatsAccountKind) => em.findOne(NatsAccount, { tenantId, kind });

/** The control account has no JetStream: nothing is stored there. */
const claimsOf = (row: NatsAccount, tenant: Tenant): Account => ({
  name: row.kind === 'control' ? `${tenant.slug}.control` : tenant.slug,
  publicKey: row.publicKey,
  signingKeys: [row.signingKey, ...row.otherSigningKeys],
  revocations: row.revocations,
  jetstream: row.kind === 'control' ? undefined : JETSTREAM,
});
