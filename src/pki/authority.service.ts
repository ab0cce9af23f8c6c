import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { Tenant, TenantCa } from '#libs/model';
import { type Issuer, joinChain, loadIssuer, planTenantCa } from '#libs/pki';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { KeyRing, type Place } from '../platform/encryption/index.js';
import { BoundedMap } from './bounded-map.js';
import { makeCa } from './make-ca.js';
import { PlatformAuthorities } from './platform-authorities.js';

/** What a site or collector is handed to check certificates by, each as PEM. */
export interface CaChain {
  tenantCaPem: string;
  rootPem: string;
  /** The tenant's CA, then the root: `ca-chain.pem`. */
  chainPem: string;
}

/** How many opened tenant CA keys are kept in memory. */
const ISSUER_CACHE_SIZE = 1_000;

/** The certificate authorities. Nobody outside this feature reads their keys. */
@Injectable()
export class AuthorityService implements OnModuleInit {
  readonly #issuers = new BoundedMap<string, Issuer>(ISSUER_CACHE_SIZE);

  /** What a transaction has read it does not read again. */
  readonly #seen = new WeakMap<Em, TenantCa>();

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
    const root = await this.platform.root();
    const intent = planTenantCa({ tenant: tenant.slug, issuer: root }, { clock: this.clock, random: this.random });
    const { certificatePem, privateKeyPem } = makeCa(intent, root.issuer);
    const id = newId(this.clock, this.random);
    const ca = em.create(TenantCa, {
      id,
      tenantId: tenant.id,
      status: 'next',
      serialNumber: intent.serialNumber,
      certificatePem,
      privateKeyCiphertext: this.keyRing.seal(privateKeyPem, place(id)),
      notBefore: intent.notBefore,
      notAfter: intent.notAfter,
      crlNumber: 0,
      createdAt: this.clock.now(),
    });
    ca.apply('ACTIVATE');
    em.persist(ca);
    return ca;
  }

  /**
   * The CA that signs for a tenant. Its `notAfter` bounds what is planned under it.
   * @throws DomainError `not_found`
   */
  async activeCa(em: Em, tenantId: string): Promise<TenantCa> {
    const seen = this.#seen.get(em);
    if (seen?.tenantId === tenantId) return seen;
    const ca = await em.findOne(TenantCa, { tenantId, status: 'active' });
    if (ca === null) throw new DomainError('not_found', 'The tenant has no active certificate authority.');
    if (em.isInTransaction()) this.#seen.set(em, ca);
    return ca;
  }

  /** @throws DomainError `not_found` */
  async chainOf(em: Em, tenantId: string): Promise<CaChain> {
    const { certificatePem: tenantCaPem } = await this.activeCa(em, tenantId);
    const rootPem = await this.rootPem();
    return { tenantCaPem, rootPem, chainPem: joinChain(tenantCaPem, rootPem) };
  }

  /**
   * For everybody: holds nothing that is not meant to be known.
   * @returns the tenant's CA certificate, then the root's
   * @throws DomainError `not_found`
   */
  publicChain(tenantSlug: string): Promise<string> {
    return this.database.transaction(PLATFORM, async (em) => {
      const ca = await this.activeCaBySlug(em, tenantSlug);
      return joinChain(ca.certificatePem, await this.rootPem());
    });
  }

  /**
   * @param em of platform scope
   * @throws DomainError `not_found`
   */
  async activeCaBySlug(em: Em, tenantSlug: string): Promise<TenantCa> {
    const tenant = await em.findOne(Tenant, { slug: tenantSlug });
    if (tenant === null) throw new DomainError('not_found', 'There is no such tenant.');
    return this.activeCa(em, tenant.id);
  }

  /**
   * The opened key of a tenant's CA or of the services CA, for signing within this feature.
   * @throws DomainError `not_found`
   */
  async issuer(caId: string): Promise<Issuer> {
    const services = await this.platform.services();
    if (caId === services.id) return services.issuer;
    const known = this.#issuers.get(caId);
    if (known !== undefined) return known;
    const ca = await this.database.em(PLATFORM).findOne(TenantCa, { id: caId });
    if (ca === null) throw new DomainError('not_found', 'There is no such certificate authority.', { context: { caId } });
    return this.issuerOf(ca);
  }

  /** As `issuer`, for a CA that was loaded already. */
  issuerOf({ id, certificatePem, privateKeyCiphertext }: TenantCa): Issuer {
    const known = this.#issuers.get(id);
    if (known !== undefined) return known;
    const issuer = loadIssuer({ certificatePem, privateKeyPem: this.keyRing.open(privateKeyCiphertext, place(id)) });
    this.#issuers.set(id, issuer);
    return issuer;
  }
}

const place = (rowId: string): Place => ({ table: 'tenant_cas', column: 'private_key_ciphertext', rowId });
