import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { signingKeyLifecycle } from '#libs/lifecycle';
import { NatsOperator, NatsOperatorKey } from '#libs/model';
import { createKeyPair, type KeyPair, keyPairFromSeed, type PreloadedAccount, signAccount, signOperator } from '#libs/nats';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { KeyRing, type Place } from '../platform/encryption/index.js';
import { laterThan } from './later-than.js';

const OPERATOR_NAME = 'serviceradar';
const SYSTEM_ACCOUNT_NAME = 'SYS';
const LEAF_SYSTEM_ACCOUNT_NAME = 'leaf-system';

/** The operator of the hub and of all leaves, as it is at one moment. */
export interface Operator {
  version: number;
  /** As it stands in the configuration of each server. */
  jwt: string;
  /** Grows with each new `jwt`. */
  jwtRevision: number;
  /** Signs account JWTs. */
  signingKey: KeyPair;
  /** The first `jwtRevision` that lists the signing key. */
  signingKeySince: number;
  /** The hub's system account. No leaf ever gets to know it. */
  systemAccount: PreloadedAccount;
  /** Signs users of the hub's system account. */
  systemAccountKey: KeyPair;
  /**
   * The system account of each leaf's server. They share the name and nothing else: an account's messages stay on its server, and nobody
   * has the key. It is the same for each generation, since servers take another one only when they start.
   */
  leafSystemAccount: PreloadedAccount;
}

/**
 * The operator of the hub and of all leaves. It is made at the first start, and its keys leave the database only to sign. What is loaded is
 * kept for as long as its version is the newest: one query of one number tells.
 */
@Injectable()
export class OperatorService implements OnModuleInit {
  #loaded: Operator | undefined;

  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.database.transaction(PLATFORM, async (em) => {
      // Processes that start together take turns, and all but the first find it made.
      await this.lock(em);
      const row = (await em.findAll(NatsOperator, { limit: 1 }))[0] ?? this.create(em);
      await em.flush();
      await this.takeOver(em, row);
      this.ensureLeafSystemAccount(row, await this.activeKey(em));
    });
    await this.reload();
  }

  /** The hub's system account, of which only the JWT may be another by now. */
  get systemAccount(): PreloadedAccount {
    return this.loaded.systemAccount;
  }

  get systemAccountKey(): KeyPair {
    return this.loaded.systemAccountKey;
  }

  /** The operator as it is now; it may be another a moment later. */
  async current(): Promise<Operator> {
    return this.newest(this.database.em(PLATFORM));
  }

  /** The operator as it is until the transaction ends, for what is signed in its name: nobody replaces a key meanwhile. */
  async within(em: Em): Promise<Operator> {
    await em.execute(`select pg_advisory_xact_lock_shared(hashtext('nats operator'))`);
    return this.newest(em);
  }

  /** Waits until nobody signs, and lets nobody sign before the transaction ends. */
  async lock(em: Em): Promise<void> {
    await em.execute(`select pg_advisory_xact_lock(hashtext('nats operator'))`);
  }

  /** Makes the row of a new signing key, which the operator's next JWT is to list. */
  newKey({ jwtRevision }: NatsOperator): NatsOperatorKey {
    return this.keyRow(createKeyPair('operator', this.random), jwtRevision + 1);
  }

  /** Signs the operator's JWT anew, for exactly these signing keys. */
  list(row: NatsOperator, signingKeys: readonly string[]): void {
    const identity = this.opened(row.identitySeedCiphertext, place(row.id, 'identity_seed'));
    row.jwt = signOperator({ name: OPERATOR_NAME, publicKey: row.publicKey, signingKeys }, identity, this.clock);
    row.jwtRevision += 1;
  }

  /** Signs the hub's and the leaves' system account anew. */
  signSystemAccounts(row: NatsOperator, key: NatsOperatorKey): void {
    const signer = this.pairOf(key);
    row.systemAccountJwt = this.systemJwt(SYSTEM_ACCOUNT_NAME, row.systemAccountKey, signer, laterThan(row.systemAccountJwt, this.clock));
    const { leafSystemAccountKey, leafSystemAccountJwt } = row;
    if (!leafSystemAccountKey || !leafSystemAccountJwt) return;
    row.leafSystemAccountJwt = this.systemJwt(LEAF_SYSTEM_ACCOUNT_NAME, leafSystemAccountKey, signer, laterThan(leafSystemAccountJwt, this.clock));
  }

  private get loaded(): Operator {
    if (this.#loaded === undefined) throw new DomainError('unavailable', 'The NATS operator is not loaded yet.', { retryable: true });
    return this.#loaded;
  }

  private async newest(em: Em): Promise<Operator> {
    const [row] = await em.execute<{ version: number }[]>('select version from nats_operators');
    if (this.#loaded?.version !== row?.version) return this.reload();
    return this.loaded;
  }

  private async reload(): Promise<Operator> {
    const loaded = await this.database.transaction(PLATFORM, async (em) => {
      const row = await em.findOneOrFail(NatsOperator, { id: { $ne: null } });
      return this.load(row, await this.activeKey(em));
    });
    // One that was under way for longer may have read an older one.
    if (this.#loaded === undefined || loaded.version > this.#loaded.version) this.#loaded = loaded;
    return loaded;
  }

  private create(em: Em): NatsOperator {
    const id = newId(this.clock, this.random);
    const identity = createKeyPair('operator', this.random);
    const signing = createKeyPair('operator', this.random);
    const system = createKeyPair('account', this.random);
    const operator = { name: OPERATOR_NAME, publicKey: identity.publicKey, signingKeys: [signing.publicKey] };
    const row = Object.assign(new NatsOperator(), {
      id,
      publicKey: identity.publicKey,
      identitySeedCiphertext: this.keyRing.seal(identity.seed, place(id, 'identity_seed')),
      signingKey: null,
      signingSeedCiphertext: null,
      jwt: signOperator(operator, identity, this.clock),
      jwtRevision: 1,
      hubSigningKeys: null,
      systemAccountKey: system.publicKey,
      systemAccountJwt: this.systemJwt(SYSTEM_ACCOUNT_NAME, system.publicKey, signing, this.clock),
      systemAccountSeedCiphertext: this.keyRing.seal(system.seed, place(id, 'system_account_seed')),
      leafSystemAccountKey: null,
      leafSystemAccountJwt: null,
      createdAt: this.clock.now(),
    });
    em.persist(row);
    this.persistActive(em, signing);
    return row;
  }

  /** The first key of an operator from before there could be several, sealed in its new place. */
  private async takeOver(em: Em, { id, signingSeedCiphertext }: NatsOperator): Promise<void> {
    if (!signingSeedCiphertext || (await em.count(NatsOperatorKey, {})) > 0) return;
    this.persistActive(em, this.opened(signingSeedCiphertext, place(id, 'signing_seed')));
    await em.flush();
  }

  private persistActive(em: Em, keyPair: KeyPair): void {
    const key = this.keyRow(keyPair, 1);
    key.activate(this.clock.now());
    em.persist(key);
  }

  private keyRow(keyPair: KeyPair, sinceRevision: number): NatsOperatorKey {
    const id = newId(this.clock, this.random);
    return Object.assign(new NatsOperatorKey(), {
      id,
      status: signingKeyLifecycle.initial,
      publicKey: keyPair.publicKey,
      seedCiphertext: this.keyRing.seal(keyPair.seed, keyPlace(id)),
      sinceRevision,
      createdAt: this.clock.now(),
      activatedAt: null,
      retiredAt: null,
    });
  }

  private activeKey(em: Em): Promise<NatsOperatorKey> {
    return em.findOneOrFail(NatsOperatorKey, { status: 'active' });
  }

  /** Made when there is none, in the transaction that has the row. Nobody ever connects as a user of it, so its key is forgotten. */
  private ensureLeafSystemAccount(row: NatsOperator, key: NatsOperatorKey): void {
    if (row.leafSystemAccountKey && row.leafSystemAccountJwt) return;
    const { publicKey } = createKeyPair('account', this.random);
    const jwt = this.systemJwt(LEAF_SYSTEM_ACCOUNT_NAME, publicKey, this.pairOf(key), this.clock);
    Object.assign(row, { leafSystemAccountKey: publicKey, leafSystemAccountJwt: jwt });
  }

  private systemJwt(name: string, publicKey: string, signer: KeyPair, clock: Clock): string {
    return signAccount({ name, publicKey, signingKeys: [], revocations: {} }, signer, clock);
  }

  private load(row: NatsOperator, key: NatsOperatorKey): Operator {
    return {
      version: row.version,
      jwt: row.jwt,
      jwtRevision: row.jwtRevision,
      signingKey: this.pairOf(key),
      signingKeySince: key.sinceRevision,
      systemAccount: { publicKey: row.systemAccountKey, jwt: row.systemAccountJwt },
      systemAccountKey: this.opened(row.systemAccountSeedCiphertext, place(row.id, 'system_account_seed')),
      leafSystemAccount: { publicKey: row.leafSystemAccountKey!, jwt: row.leafSystemAccountJwt! },
    };
  }

  private pairOf({ id, seedCiphertext }: NatsOperatorKey): KeyPair {
    return this.opened(seedCiphertext!, keyPlace(id));
  }

  private opened(ciphertext: string, of: Place): KeyPair {
    return keyPairFromSeed(this.keyRing.open(ciphertext, of));
  }
}

const keyPlace = (rowId: string): Place => ({ table: 'nats_operator_keys', column: 'seed', rowId, tenantId: null });

const place = (rowId: string, column: string): Place => ({ table: 'nats_operators', column, rowId, tenantId: null });
