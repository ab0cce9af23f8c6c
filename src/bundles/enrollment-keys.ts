import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type EnrollmentTicket, EnrollmentTokenError, formatEnrollmentToken, parseEnrollmentToken } from '#libs/contracts';
import { type Clock, newId, type Random, Secret } from '#libs/kernel';
import { EnrollmentKey } from '#libs/model';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';

interface Loaded {
  publicKeyPem: string;
  publicKey: KeyObject;
  privateKey: KeyObject;
}

/** The key that signs enrolment tokens (Ed25519, RFC 8032). It is made when it is first needed. */
@Injectable()
export class EnrollmentKeys {
  #loading: Promise<Loaded> | undefined;

  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** SubjectPublicKeyInfo, PEM. */
  async publicKeyPem(): Promise<string> {
    return (await this.load()).publicKeyPem;
  }

  async seal(ticket: EnrollmentTicket): Promise<Secret> {
    const { privateKey } = await this.load();
    return new Secret(formatEnrollmentToken(ticket, (bytes) => sign(null, bytes, privateKey)));
  }

  /** @returns undefined when it is no token of ours, or has expired */
  async open(token: Secret): Promise<EnrollmentTicket | undefined> {
    const { publicKey } = await this.load();
    try {
      return parseEnrollmentToken(token.reveal(), publicKey, this.clock.now());
    } catch (error) {
      if (error instanceof EnrollmentTokenError) return undefined;
      throw error;
    }
  }

  private load(): Promise<Loaded> {
    this.#loading ??= this.database.transaction(PLATFORM, async (em) => {
      // Processes that need it at the same time take turns, and all but the first find it made.
      await em.execute(`select pg_advisory_xact_lock(hashtext('enrollment key'))`);
      const key = (await em.findAll(EnrollmentKey, { orderBy: { id: 'desc' }, limit: 1 }))[0] ?? this.create(em);
      const privateKey = createPrivateKey(this.keyRing.open(key.privateKeyCiphertext, place(key.id)).reveal());
      return { publicKeyPem: key.publicKeyPem, publicKey: createPublicKey(key.publicKeyPem), privateKey };
    });
    // What failed is tried again by whoever asks next.
    this.#loading.catch(() => (this.#loading = undefined));
    return this.#loading;
  }

  private create(em: Em): EnrollmentKey {
    const id = newId(this.clock, this.random);
    const { publicKey, privateKey } = generateKeyPairSync('ed25519', {
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const row = Object.assign(new EnrollmentKey(), {
      id,
      publicKeyPem: publicKey,
      privateKeyCiphertext: this.keyRing.seal(new Secret(privateKey), place(id)),
      createdAt: this.clock.now(),
    });
    em.persist(row);
    return row;
  }
}

const place = (rowId: string) => ({ table: 'enrollment_keys', column: 'private_key', rowId, tenantId: null });
