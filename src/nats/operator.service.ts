import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { NatsOperator } from '#libs/model';
import { createKeyPair, type KeyPair, keyPairFromSeed, type PreloadedAccount, signAccount, signOperator } from '#libs/nats';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';

const OPERATOR_NAME = 'serviceradar';
const SYSTEM_ACCOUNT_NAME = 'SYS';

interface Loaded {
  jwt: string;
  signingKey: KeyPair;
  systemAccount: PreloadedAccount;
  systemAccountKey: KeyPair;
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
      return this.load((await em.findAll(NatsOperator, { limit: 1 }))[0] ?? this.create(em));
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

  /** A system account for one leaf. Nobody connects to it, so its key is forgotten. */
  newLeafSystemAccount(name: string): PreloadedAccount {
    const { publicKey } = createKeyPair('account', this.random);
    const jwt = signAccount({ name, publicKey, signingKeys: [], revocations: {} }, this.signingKey, this.clock);
    return { publicKey, jwt };
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
      createdAt: this.clock.now(),
    });
    em.persist(row);
    return row;
  }

  private load(row: NatsOperator): Loaded {
    const open = (ciphertext: string, column: string) => keyPairFromSeed(this.keyRing.open(ciphertext, place(row.id, column)));
    return {
      jwt: row.jwt,
      signingKey: open(row.signingSeedCiphertext, 'signing_seed'),
      systemAccount: { publicKey: row.systemAccountKey, jwt: row.systemAccountJwt },
      systemAccountKey: open(row.systemAccountSeedCiphertext, 'system_account_seed'),
    };
  }
}

const place = (rowId: string, column: string) => ({ table: 'nats_operators', column, rowId });
