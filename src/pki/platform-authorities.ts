import { Inject, Injectable, Optional } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { PlatformCa, type PlatformCaKind } from '#libs/model';
import { type Issuer, type IssuerPair, loadIssuer, parseCertificate, type PlanContext, planRootCa, planServicesCa } from '#libs/pki';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { KeyRing, type Place } from '../platform/encryption/index.js';
import { makeCa, makeRoot } from './make-ca.js';

/** A root CA that an operator brings; without one, a root is made at first start. */
export type ImportedRoot = IssuerPair;
export const IMPORTED_ROOT = Symbol('ImportedRoot');

export interface PlatformAuthority {
  id: string;
  certificatePem: string;
  notAfter: Date;
  issuer: Issuer;
}

interface Pair {
  root: PlatformAuthority;
  services: PlatformAuthority;
}

/** The root CA, and the CA under it that signs the platform's own services. There is one of each. */
@Injectable()
export class PlatformAuthorities {
  #pair: Promise<Pair> | undefined;

  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
    @Optional() @Inject(IMPORTED_ROOT) private readonly imported?: ImportedRoot,
  ) {}

  private get context(): PlanContext {
    return { clock: this.clock, random: this.random };
  }

  async root(): Promise<PlatformAuthority> {
    return (await this.ensure()).root;
  }

  async services(): Promise<PlatformAuthority> {
    return (await this.ensure()).services;
  }

  /**
   * Makes what is missing. Processes that start together take turns, and all find the same.
   * @throws DomainError `invalid_configuration` when an imported root is not the one that is there already
   */
  ensure(): Promise<Pair> {
    this.#pair ??= this.database
      .transaction(PLATFORM, async (em) => {
        await em.execute(`select pg_advisory_xact_lock(hashtext('platform certificate authorities'))`);
        const root = await this.ensureRoot(em);
        return { root, services: await this.ensureServices(em, root) };
      })
      .catch((error: unknown) => {
        this.#pair = undefined;
        throw error;
      });
    return this.#pair;
  }

  private async ensureRoot(em: Em): Promise<PlatformAuthority> {
    const row = await em.findOne(PlatformCa, { kind: 'root' });
    if (row === null) return this.add(em, 'root', this.imported ?? makeRoot(planRootCa(this.context)));
    if (this.imported !== undefined && fingerprint(row.certificatePem) !== fingerprint(this.imported.certificatePem)) {
      throw new DomainError(
        'invalid_configuration',
        'The root CA that was given is not the one that this installation has. Give the same one, or none.',
      );
    }
    return this.open(row);
  }

  private async ensureServices(em: Em, root: PlatformAuthority): Promise<PlatformAuthority> {
    const row = await em.findOne(PlatformCa, { kind: 'services' });
    if (row !== null) return this.open(row);
    const intent = planServicesCa({ issuer: root }, this.context);
    return this.add(em, 'services', makeCa(intent, root.issuer));
  }

  private add(em: Em, kind: PlatformCaKind, { certificatePem, privateKeyPem }: IssuerPair): PlatformAuthority {
    const { serialNumber, notAfter } = parseCertificate(certificatePem);
    const id = newId(this.clock, this.random);
    const row = em.create(PlatformCa, {
      id,
      kind,
      serialNumber,
      certificatePem,
      privateKeyCiphertext: this.keyRing.seal(privateKeyPem, place(id)),
      notAfter,
      createdAt: this.clock.now(),
    });
    em.persist(row);
    return this.open(row);
  }

  private open({ id, certificatePem, privateKeyCiphertext, notAfter }: PlatformCa): PlatformAuthority {
    const privateKeyPem = this.keyRing.open(privateKeyCiphertext, place(id));
    return { id, certificatePem, notAfter, issuer: loadIssuer({ certificatePem, privateKeyPem }) };
  }
}

const place = (rowId: string): Place => ({ table: 'platform_cas', column: 'private_key_ciphertext', rowId, tenantId: null });

const fingerprint = (pem: string) => parseCertificate(pem).fingerprintSha256;
