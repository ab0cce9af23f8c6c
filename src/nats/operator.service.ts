import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { NatsOperator } from '#libs/model';
import { createKeyPair, type KeyPair, keyPairFromSeed, type PreloadedAccount, signAccount, signOperator } from '#libs/nats';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';

const OPERATOR_NAME = 'serviceradar';
const SYSTEM_ACCOUNT_NAME = 'SYS';
const LEAF_SYSTEM_ACCOUNT_NAME = 'leaf-system';

interface Loaded {
  jwt: string;
  signingKey: KeyPair;
  systemAccount: PreloadedAccount;
  systemAccountKey: KeyPair;
  leafSystemAccount: PreloadedAccount;
}

/** The operator of the hub and of all leaves. It is made at the first start, and its keys leave the database only to sign. */
@Injectable()
export class OperatorService implements OnModuleInit {
  #loaded: Loaded | undefined;

  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  async onModuleInit(): Promise<void> {
    this.#loaded = await this.database.transaction(PLATFORM, async (em) => {
      // Processes that start together take turns, and all but the first find it made.
      await em.execute(`select pg_advisory_xact_lock(hashtext('nats operator'))`);
      const row = (await em.findAll(NatsOperator, { limit: 1 }))[0] ?? this.create(em);
      return this.load(row, this.leafSystemAccountOf(row));
    });
  }

  /** The operator's JWT, as it stands in the configuration of each server. */
  get jwt(): string {
    return this.loaded.jwt;
  }

  /** Signs account JWTs. */
  get signingKey(): KeyPair {
    return this.loaded.signingKey;
  }

  /** The hub's system account. No leaf ever gets to know it. */
  get systemAccount(): PreloadedAccount {
    return this.loaded.systemAccount;
  }

  /** Signs users of the hub's system account. */
  get systemAccountKey(): KeyPair {
    return this.loaded.systemAccountKey;
  }

  /**
   * The system account of each leaf's server. They share the name and nothing else: an account's messages stay on its server, and nobody
   * has the key. It is the same for each generation, since servers take another one only when they start.
   */
  get leafSystemAccount(): PreloadedAccount {
    return this.loaded.leafSystemAccount;
  }

  private get loaded(): Loaded {
    if (this.#loaded === undefined) throw new DomainError('unavailable', 'The NATS operator is not loaded yet.', { retryable: true });
    return this.#loaded;
  }

  private create(em: Em): NatsOperator {
    const id = newId(this.clock, this.random);
    const identity = createKeyPair('operator', this.random);
    const signing = createKeyPair('operator', this.random);
    const system = createKeyPair('account', this.random);
    const operator = { name: OPERATOR_NAME, publicKey: identity.publicKey, signingKeys: [signing.publicKey] };
    const account = { name: SYSTEM_ACCOUNT_NAME, publicKey: system.publicKey, signingKeys: [], revocations: {} };
    const row = Object.assign(new NatsOperator(), {
      id,
      publicKey: identity.publicKey,
      identitySeedCiphertext: this.keyRing.seal(identity.seed, place(id, 'identity_seed')),
      signingKey: signing.publicKey,
      signingSeedCiphertext: this.keyRing.seal(signing.seed, place(id, 'signing_seed')),
      jwt: signOperator(operator, identity, this.clock),
      systemAccountKey: system.publicKey,
      systemAccountJwt: signAccount(account, signing, this.clock),
      systemAccountSeedCiphertext: this.keyRing.seal(system.seed, place(id, 'system_account_seed')),
      leafSystemAccountKey: null,
      leafSystemAccountJwt: null,
      createdAt: this.clock.now(),
    });
    em.persist(row);
    return row;
  }

  /** Made when there is none, in the transaction that has the row. Nobody ever connects as a user of it, so its key is forgotten. */
  private leafSystemAccountOf(row: NatsOperator): PreloadedAccount {
    const { leafSystemAccountKey, leafSystemAccountJwt } = row;
    if (leafSystemAccountKey && leafSystemAccountJwt) return { publicKey: leafSystemAccountKey, jwt: leafSystemAccountJwt };
    const { publicKey } = createKeyPair('account', this.random);
    const claims = { name: LEAF_SYSTEM_ACCOUNT_NAME, publicKey, signingKeys: [], revocations: {} };
    const jwt = signAccount(claims, this.opened(row, row.signingSeedCiphertext, 'signing_seed'), this.clock);
    Object.assign(row, { leafSystemAccountKey: publicKey, leafSystemAccountJwt: jwt });
    return { publicKey, jwt };
  }

  private load(row: NatsOperator, leafSystemAccount: PreloadedAccount): Loaded {
    return {
      jwt: row.jwt,
      signingKey: this.opened(row, row.signingSeedCiphertext, 'signing_seed'),
      systemAccount: { publicKey: row.systemAccountKey, jwt: row.systemAccountJwt },
      systemAccountKey: this.opened(row, row.systemAccountSeedCiphertext, 'system_account_seed'),
      leafSystemAccount,
    };
  }

  private opened({ id }: NatsOperator, ciphertext: string, column: string): KeyPair {
    return keyPairFromSeed(this.keyRing.open(ciphertext, place(id, column)));
  }
}

const place = (rowId: string, column: string) => ({ table: 'nats_operators', column, rowId });
