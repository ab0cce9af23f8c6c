import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { BoundedMap, type Clock, DomainError, newId, type Random } from '#libs/kernel';
import type { TenantCaStatus } from '#libs/lifecycle';
import { type Certificate, Tenant, TenantCa } from '#libs/model';
import { type Issuer, joinChain, loadIssuer, planTenantCa } from '#libs/pki';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { KeyRing, type Place } from '../platform/encryption/index.js';
import { makeCa } from './make-ca.js';
import { PlatformAuthorities } from './platform-authorities.js';

/** What a site or collector is handed to check certificates by, each as PEM. */
export interface CaChain {
  /** All CAs of the tenant that are trusted: the active one, the next, and those that are retiring. */
  tenantCaPem: string;
  rootPem: string;
  /** The tenant's CAs, then the root: `ca-chain.pem`. */
  chainPem: string;
  /** Those of `tenantCaPem`. */
  trustedCaIds: string[];
  /**
   * The CA that signed a certificate, which goes out with it.
   * @throws DomainError `conflict` (retryable, with a new intent) when it is not trusted any more
   */
  issuerPemOf: (certificate: { issuerId: string }) => string;
}

/** CAs whose certificates are good, in the order in which they stand in files: some programs look at the first one only. */
const TRUSTED = ['active', 'next', 'retiring'] as const satisfies readonly TenantCaStatus[];

/** How many opened tenant CA keys are kept in memory. */
const ISSUER_CACHE_SIZE = 1_000;

/** The certificate authorities. Nobody outside this feature reads their keys. */
@Injectable()
export class AuthorityService implements OnModuleInit {
  readonly #issuers = new BoundedMap<string, Issuer>(ISSUER_CACHE_SIZE);

  /** What a transaction has read it does not read again. */
  readonly #seen = new WeakMap<Em, TenantCa[]>();

  constructor(
    private readonly database: Database,
    private readonly platform: PlatformAuthorities,
    private readonly keyRing: KeyRing,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.ensurePlatform();
  }

  /** Sees to it that there are a root and a services CA; safe when several processes start at once. */
  async ensurePlatform(): Promise<void> {
    await this.platform.ensure();
  }

  /** The root's certificate, as PEM: what everything in this installation trusts. */
  async rootPem(): Promise<string> {
    return (await this.platform.root()).certificatePem;
  }

  /**
   * Makes a tenant's first CA, active at once, in the transaction that makes the tenant.
   * @param em of platform scope
   */
  async createTenantCa(em: Em, tenant: Pick<Tenant, 'id' | 'slug'>): Promise<TenantCa> {
    const ca = await this.createNextCa(em, tenant);
    ca.apply('ACTIVATE');
    return ca;
  }

  /**
   * Makes the CA that is to sign for a tenant next. It is trusted from the commit on, and signs nothing yet.
   * @throws DomainError `issuer_expired` when the root is about to end
   */
  async createNextCa(em: Em, tenant: Pick<Tenant, 'id' | 'slug'>): Promise<TenantCa> {
    const root = await this.platform.root();
    const intent = planTenantCa({ tenant: tenant.slug, issuer: root }, { clock: this.clock, random: this.random });
    const { certificatePem, privateKeyPem } = makeCa(intent, root.issuer);
    const owner = { id: newId(this.clock, this.random), tenantId: tenant.id };
    const ca = em.create(TenantCa, {
      ...owner,
      status: 'next',
      serialNumber: intent.serialNumber,
      certificatePem,
      privateKeyCiphertext: this.keyRing.seal(privateKeyPem, place(owner)),
      notBefore: intent.notBefore,
      notAfter: intent.notAfter,
      crlNumber: 0,
      createdAt: this.clock.now(),
    });
    em.persist(ca);
    return ca;
  }

  /**
   * The CA that signs for a tenant. Its `notAfter` bounds what is planned under it. In a transaction it stays so until the end: whoever
   * makes another one sign afterwards finds on record what was planned.
   * @throws DomainError `not_found`
   */
  async activeCa(em: Em, tenantId: string): Promise<TenantCa> {
    const lockMode = em.isInTransaction() ? LockMode.PESSIMISTIC_READ : undefined;
    const ca = (await this.trusted(em, tenantId, lockMode)).find(({ status }) => status === 'active');
    if (ca === undefined) throw noCa();
    return ca;
  }

  /** @throws DomainError `not_found` */
  async chainOf(em: Em, tenantId: string): Promise<CaChain> {
    const cas = await this.trusted(em, tenantId);
    if (cas.length === 0) throw noCa();
    const tenantCaPem = joinChain(...cas.map(({ certificatePem }) => certificatePem));
    const rootPem = await this.rootPem();
    const issuerPemOf = ({ issuerId }: { issuerId: string }) => {
      const issuer = cas.find(({ id }) => id === issuerId);
      if (issuer !== undefined) return issuer.certificatePem;
      throw new DomainError('conflict', 'The CA that signed is not trusted any more.', { context: { issuerId }, retryable: true });
    };
    return { tenantCaPem, rootPem, chainPem: joinChain(tenantCaPem, rootPem), trustedCaIds: cas.map(({ id }) => id), issuerPemOf };
  }

  /**
   * For everybody: holds nothing that is not meant to be known.
   * @returns the certificates of the tenant's CAs, then the root's
   * @throws DomainError `not_found`
   */
  publicChain(tenantSlug: string): Promise<string> {
    return this.database.transaction(PLATFORM, async (em) => {
      const { chainPem } = await this.chainOf(em, (await tenantOf(em, tenantSlug)).id);
      return chainPem;
    });
  }

  /**
   * A tenant's CA, whatever has become of it.
   * @param em of platform scope
   * @param serialNumber as lower-case hex; the tenant's first CA when absent, as its certificates may name none
   * @throws DomainError `not_found`
   */
  async caBySlug(em: Em, tenantSlug: string, serialNumber?: string): Promise<TenantCa> {
    const { id: tenantId } = await tenantOf(em, tenantSlug);
    const where = { tenantId, ...(serialNumber !== undefined && { serialNumber }) };
    const ca = await em.findOne(TenantCa, where, { orderBy: { id: 'asc' } });
    if (ca === null) throw new DomainError('not_found', 'The tenant has no such certificate authority.');
    return ca;
  }

  /**
   * The opened key of the CA that is to sign a certificate, for signing within this feature: one of the tenant's own CAs, or the services CA
   * for what is no tenant's.
   * @throws DomainError `not_found`
   */
  async issuer({ issuerId: id, tenantId }: Pick<Certificate, 'issuerId' | 'tenantId'>): Promise<Issuer> {
    const services = await this.platform.services();
    if (!tenantId && id === services.id) return services.issuer;
    const known = tenantId && this.#issuers.get(placeKey({ id, tenantId }));
    if (known) return known;
    const ca = tenantId ? await this.database.em(PLATFORM).findOne(TenantCa, { id, tenantId }) : null;
    if (ca === null) throw new DomainError('not_found', 'There is no such certificate authority.', { context: { caId: id } });
    return this.issuerOf(ca);
  }

  /** As `issuer`, for a CA that was loaded already. */
  issuerOf(ca: TenantCa): Issuer {
    const known = this.#issuers.get(placeKey(ca));
    if (known !== undefined) return known;
    const issuer = loadIssuer({ certificatePem: ca.certificatePem, privateKeyPem: this.keyRing.open(ca.privateKeyCiphertext, place(ca)) });
    this.#issuers.set(placeKey(ca), issuer);
    return issuer;
  }

  private async trusted(em: Em, tenantId: string, lockMode?: LockMode.PESSIMISTIC_READ): Promise<TenantCa[]> {
    const seen = this.#seen.get(em);
    if (seen?.[0]?.tenantId === tenantId) return seen;
    const found = await em.find(TenantCa, { tenantId, status: [...TRUSTED] }, { lockMode, orderBy: { id: 'asc' } });
    const cas = TRUSTED.flatMap((status) => found.filter((ca) => ca.status === status));
    if (em.isInTransaction()) this.#seen.set(em, cas);
    return cas;
  }
}

async function tenantOf(em: Em, slug: string): Promise<Tenant> {
  const tenant = await em.findOne(Tenant, { slug });
  if (tenant === null) throw new DomainError('not_found', 'There is no such tenant.');
  return tenant;
}

const noCa = () => new DomainError('not_found', 'The tenant has no active certificate authority.');

type Owner = Pick<TenantCa, 'id' | 'tenantId'>;

/** What an opened key is remembered by: the row of another tenant, though it has the same id, has to be opened anew. */
const placeKey = ({ id, tenantId }: Owner) => `${tenantId}/${id}`;

const place = ({ id: rowId, tenantId }: Owner): Place => ({ table: 'tenant_cas', column: 'private_key_ciphertext', rowId, tenantId });
