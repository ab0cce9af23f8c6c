import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { NatsAccount, NatsAccountKey, NatsUser } from '#libs/model';
import { createKeyPair } from '#libs/nats';
import { CLOCK, RANDOM } from '../platform/clock.js';
import type { Em, Where } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { AccountService } from './account.service.js';

const ROTATING = ['next' as const, 'retiring' as const];

/**
 * The signing keys of accounts, and how one takes over from another. Each method works in the caller's transaction; accounts that it returns
 * are to be announced when that is committed.
 */
@Injectable()
export class AccountKeys {
  constructor(
    private readonly accounts: AccountService,
    private readonly keyRing: KeyRing,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Lists a next key in the JWT of each of a tenant's accounts. It signs nothing yet.
   * @throws DomainError `conflict` while an earlier rotation is under way
   */
  async next(em: Em, tenantId: string): Promise<{ accounts: NatsAccount[]; keys: NatsAccountKey[] }> {
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE as const, orderBy: { id: 'asc' as const } };
    const accounts = await em.find(NatsAccount, { tenantId }, lock);
    const under = await em.find(NatsAccountKey, { tenantId, status: ROTATING });
    if (under.length > 0) throw underWay(under);
    const keys = [];
    for (const account of accounts) {
      await this.completeRecord(em, account);
      const pair = createKeyPair('account', this.random);
      account.otherSigningKeys = [...account.otherSigningKeys, pair.publicKey];
      await this.accounts.sign(em, account);
      const id = newId(this.clock, this.random);
      const seedCiphertext = this.keyRing.seal(pair.seed, place({ id, tenantId }));
      keys.push(this.accounts.recordKey(em, account, { id, status: 'next', publicKey: pair.publicKey, seedCiphertext, listedRevision: account.jwtRevision }));
    }
    return { accounts, keys };
  }

  /**
   * Lets the next key of an account sign from now on, and the one that did retire. The seed of that one is forgotten. The account's JWT lists
   * both, before and after.
   * @returns undefined when the key is not next any more
   */
  async activate(em: Em, keyId: string): Promise<NatsAccountKey | undefined> {
    const found = await this.locked(em, keyId);
    if (found?.key.status !== 'next') return undefined;
    const { account, key } = found;
    const now = this.clock.now();
    const active = await em.findOneOrFail(NatsAccountKey, { accountId: account.id, status: 'active' });
    const seed = this.keyRing.open(key.seedCiphertext ?? '', place(key));
    account.otherSigningKeys = account.otherSigningKeys.map((listed) => (listed === key.publicKey ? active.publicKey : listed));
    this.accounts.useSigningKey(account, key.publicKey, seed);
    active.apply('RETIRE', now);
    // One key of an account is active at a time, at each statement.
    await em.flush();
    key.seedCiphertext = null;
    key.apply('ACTIVATE', now);
    return key;
  }

  /**
   * Takes a retiring key from its account's JWT: servers drop and refuse whom it has signed.
   * @param force although it has signed users that are good: they are on record as revoked from then on
   * @throws DomainError `not_found`; `illegal_transition` unless it is retiring; `signing_key_in_use` with their number, without `force`
   */
  async retire(em: Em, where: Where<NatsAccountKey>, { force }: { force: boolean }): Promise<{ account: NatsAccount; key: NatsAccountKey; revoked: NatsUser[] }> {
    const wanted = await em.findOne(NatsAccountKey, where);
    if (wanted === null) throw new DomainError('not_found', 'There is no such signing key.');
    // The users before the account, as whoever revokes them: two that want the same locks take them in the same order.
    const users = await em.find(NatsUser, this.signedBy(wanted.publicKey), { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
    const { account, key } = (await this.locked(em, wanted.id))!;
    const now = this.clock.now();
    key.apply('EXPIRE', now);
    if (users.length > 0 && !force) throw inUse(users);
    for (const user of users) {
      user.apply('REVOKE');
      user.revokedAt = now;
    }
    account.otherSigningKeys = account.otherSigningKeys.filter((listed) => listed !== key.publicKey);
    await this.accounts.sign(em, account);
    return { account, key, revoked: users };
  }

  /** How many users that are good, or are about to be, each of the keys has signed. */
  async liveUsers(em: Em, publicKeys: readonly string[]): Promise<Map<string, number>> {
    const counted = await Promise.all(publicKeys.map(async (key) => [key, await em.count(NatsUser, this.signedBy(key))] as const));
    return new Map(counted);
  }

  private signedBy(publicKey: string): Where<NatsUser> {
    return { signingKey: publicKey, status: ['intended', 'issued'], $or: [{ expiresAt: null }, { expiresAt: { $gt: this.clock.now() } }] };
  }

  /** The account first: whoever changes its JWT holds its lock. */
  private async locked(em: Em, keyId: string): Promise<{ account: NatsAccount; key: NatsAccountKey } | undefined> {
    const known = await em.findOne(NatsAccountKey, { id: keyId });
    if (known === null) return undefined;
    const lockMode = LockMode.PESSIMISTIC_WRITE;
    const account = await em.findOneOrFail(NatsAccount, { id: known.accountId }, { lockMode, refresh: true });
    return { account, key: await em.findOneOrFail(NatsAccountKey, { id: keyId }, { lockMode, refresh: true }) };
  }

  /** A process of an earlier version does not say which key signs. So far there was one. */
  private async completeRecord(em: Em, account: NatsAccount): Promise<void> {
    const { id: accountId, signingKey: publicKey } = account;
    await em.nativeUpdate(NatsUser, { accountId, signingKey: null }, { signingKey: publicKey });
    if ((await em.count(NatsAccountKey, { publicKey })) === 0) {
      this.accounts.recordKey(em, account, { id: newId(this.clock, this.random), status: 'active', publicKey, seedCiphertext: null, listedRevision: 1 });
    }
  }
}

const place = ({ id: rowId, tenantId }: Pick<NatsAccountKey, 'id' | 'tenantId'>) => ({ table: 'nats_account_keys', column: 'seed', rowId, tenantId });

function underWay(keys: readonly NatsAccountKey[]): DomainError {
  const of = keys.map(({ publicKey, status }) => `${publicKey} is ${status}`).join(', ');
  return new DomainError('conflict', `A rotation of signing keys is under way already: ${of}. Wait until it has ended, or retire the retiring key.`);
}

function inUse(users: readonly NatsUser[]): DomainError {
  const counts = new Map<string, number>();
  for (const { purpose } of users) counts.set(purpose, (counts.get(purpose) ?? 0) + 1);
  const said = [...counts].map(([purpose, count]) => `${count} of purpose ${purpose}`).join(', ');
  const detail = `The signing key has signed ${users.length} users that are good: ${said}. Wait until sites and collectors have installed their newest bundles, or retire it with {"force": true}, which cuts them off.`;
  const errors = [...counts].map(([purpose, count]) => ({ pointer: '', code: 'live_users', detail: `${purpose}: ${count}` }));
  return new DomainError('signing_key_in_use', detail, { errors });
}
