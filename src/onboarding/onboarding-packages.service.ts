import { LockMode, UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { Action, Subject } from '#libs/contracts';
import { Batches, type Clock, DomainError, newId, type Outcome, type Random } from '#libs/kernel';
import type { OnboardingPackageStatus } from '#libs/lifecycle';
import { AuditEvent, type Certificate, type ComponentType, OnboardingPackage, Tenant } from '#libs/model';
import { generateKeyPair, planAgent } from '#libs/pki';
import { siteOfPackage } from '../edge-sites/index.js';
import { AuthorityService, CertificateService, crlUrlOf } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, isDatabaseAway, type Where } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { PublicUrl } from '../platform/public-url.js';
import { LIFE, SUBJECT } from './life.js';
import { sealComponentKey } from './onboarding-secrets.js';

export interface NewOnboardingPackage {
  label: string;
  componentType: ComponentType;
  componentId: string;
  edgeSiteId: string;
  /** Seconds until it must have been activated. */
  expiresIn: number;
}

export interface OnboardingFilter {
  edgeSiteId?: string;
  status?: OnboardingPackageStatus;
  componentType?: ComponentType;
}

/** Packages that are asked for together. */
const TOGETHER = 500;

@Injectable()
export class OnboardingPackagesService {
  /** Whether packages are activated: asked for all together who come at once, as after a restart. */
  readonly #activated = new Batches<string, boolean>(TOGETHER, (tenantId, ids) => this.areActivated(tenantId, ids), isDatabaseAway);

  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    private readonly publicUrl: PublicUrl,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Issues a package: its certificate is made right away.
   * @throws DomainError `not_found` for a site that is not there; `conflict` when the component has a package that is good
   */
  async create(caller: Caller, input: NewOnboardingPackage): Promise<OnboardingPackage> {
    const id = newId(this.clock, this.random);
    const certificate = await this.database.transaction(caller.tenantScope, (em) => this.intend(em, caller, id, input));
    const { privateKeyPem, publicKey } = generateKeyPair();
    const signed = await this.certificates.sign(certificate, publicKey);
    return this.database
      .transaction(caller.tenantScope, async (em) => {
        // It may have been deleted meanwhile.
        await siteOfPackage(em, caller, input.edgeSiteId, 'OnboardingPackage');
        await this.certificates.issue(em, certificate, signed);
        const { chainPem, issuerPemOf } = await this.authorities.chainOf(em, caller.tenantId);
        const now = this.clock.now();
        const { expiresIn, ...given } = input;
        const made = Object.assign(new OnboardingPackage(), {
          id,
          tenantId: caller.tenantId,
          status: 'issued' as const,
          ...given,
          certPem: signed.certificatePem + issuerPemOf(certificate),
          caChainPem: chainPem,
          keyPemCiphertext: sealComponentKey(this.keyRing, { id, tenantId: caller.tenantId }, privateKeyPem),
          certExpiresAt: signed.notAfter,
          expiresAt: new Date(now.getTime() + expiresIn * 1000),
          deliveredAt: null,
          activatedAt: null,
          revokedAt: null,
          createdAt: now,
          updatedAt: now,
        });
        em.persist(made);
        this.record(em, caller, 'create', id, { component_type: input.componentType, component_id: input.componentId, edge_site_id: input.edgeSiteId });
        await em.flush();
        return made;
      })
      .catch(async (error: unknown) => {
        await this.database.transaction(caller.tenantScope, (em) => this.certificates.abandon(em, { onboardingPackageId: id }));
        throw explainConflict(error, input);
      });
  }

  async list(caller: Caller, query: PageQuery & OnboardingFilter): Promise<Page<OnboardingPackage>> {
    const { edgeSiteId, status, componentType } = query;
    const filter = Object.fromEntries(Object.entries({ edgeSiteId, status, componentType }).filter(([, value]) => value !== undefined));
    const where = { $and: [caller.readable('OnboardingPackage'), filter, after(query)] } as Where<OnboardingPackage>;
    const rows = await this.database
      .em(caller.tenantScope)
      .find(OnboardingPackage, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** @throws DomainError `not_found` */
  get(caller: Caller, id: string): Promise<OnboardingPackage> {
    return this.load(this.database.em(caller.tenantScope), caller, id);
  }

  /** What has happened to a package, newest first: its rows of the audit trail. */
  async events(caller: Caller, id: string, query: PageQuery): Promise<Page<AuditEvent>> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      await this.load(em, caller, id);
      const where = { $and: [{ subjectType: SUBJECT, subjectId: id, action: Object.keys(LIFE), outcome: 'done' }, after(query)] } as Where<AuditEvent>;
      return pageOf(await em.find(AuditEvent, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 }), query.limit);
    });
  }

  /**
   * Revokes a package with its certificate: the gateway takes its component no more.
   * @throws DomainError `not_found`, `illegal_transition`
   */
  async revoke(caller: Caller, id: string): Promise<OnboardingPackage> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const found = await this.load(em, caller, id, LockMode.PESSIMISTIC_WRITE, ['revoke', 'OnboardingPackage']);
      await this.revokeLocked(em, caller, found);
      return found;
    });
  }

  /** @param found loaded by `em`, under a lock */
  async revokeLocked(em: Em, caller: Caller, found: OnboardingPackage): Promise<void> {
    found.revoke(this.clock.now());
    await this.certificates.revokeOfPackage(em, caller, { onboardingPackageId: found.id }, 'cessationOfOperation');
    this.record(em, caller, 'revoke', found.id);
  }

  /** Closes a package that nobody has activated in time. Does nothing when somebody was faster. */
  async expire(caller: Caller, id: string): Promise<void> {
    await this.database.transaction(caller.tenantScope, async (em) => {
      const now = this.clock.now();
      const where = { id, status: ['issued' as const, 'delivered' as const], expiresAt: { $lte: now } };
      const found = await em.findOne(OnboardingPackage, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (found === null) return;
      found.expire(now);
      await this.certificates.revokeOfPackage(em, caller, { onboardingPackageId: id }, 'cessationOfOperation');
      this.record(em, caller, 'expire', id);
    });
  }

  /**
   * Its component has come for the first time. Does nothing when it has come before.
   * @param detail what the component says of itself
   * @throws DomainError `not_found`; `illegal_transition` when nobody was given the bundle
   */
  async activate(caller: Caller, id: string, detail: Record<string, unknown>): Promise<void> {
    if (await this.#activated.add(caller.tenantId, id)) return;
    await this.database.transaction(caller.tenantScope, async (em) => {
      const found = await this.find(em, { id }, LockMode.PESSIMISTIC_WRITE);
      if (found.status === 'activated') return;
      found.activate(this.clock.now());
      this.record(em, caller, 'activate', id, detail);
    });
  }

  /** Its bundle is on its way. @param found loaded by `em`, under a lock */
  deliver(em: Em, caller: Caller, found: OnboardingPackage): void {
    found.deliver(this.clock.now());
    this.record(em, caller, 'deliver', found.id);
  }

  /**
   * A package that the caller may do this to.
   * @param em of the package's tenant
   * @throws DomainError `not_found`, `forbidden`
   */
  async load(
    em: Em,
    caller: Caller,
    id: string,
    lockMode?: LockMode.PESSIMISTIC_WRITE,
    [action, subject]: readonly [Action, Subject] = ['read', 'OnboardingPackage'],
  ): Promise<OnboardingPackage> {
    return this.find(em, { $and: [caller.permitted(action, subject), { id }] }, lockMode);
  }

  private async areActivated(tenantId: string, ids: readonly string[]): Promise<Outcome<boolean>[]> {
    const rows = await this.database.em({ tenantId }).find(OnboardingPackage, { id: [...new Set(ids)], status: 'activated' }, { fields: ['id'] });
    const activated = new Set(rows.map(({ id }) => id));
    return ids.map((id) => ({ result: activated.has(id) }));
  }

  private async find(em: Em, where: Record<string, unknown>, lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<OnboardingPackage> {
    const found = await em.findOne(OnboardingPackage, where as Where<OnboardingPackage>, { lockMode });
    if (found === null) throw new DomainError('not_found', 'There is no such onboarding package.');
    return found;
  }

  private async intend(em: Em, caller: Caller, id: string, { edgeSiteId, componentId }: NewOnboardingPackage): Promise<Certificate> {
    const { tenantId } = caller;
    const site = await siteOfPackage(em, caller, edgeSiteId, 'OnboardingPackage');
    const { slug: tenant } = await em.findOneOrFail(Tenant, { id: tenantId });
    const issuer = await this.authorities.activeCa(em, tenantId);
    const profile = {
      tenant,
      site: site.slug,
      agentId: componentId,
      issuer,
      crlUrl: crlUrlOf(this.publicUrl.value, tenant, issuer),
    };
    const intent = planAgent(profile, { clock: this.clock, random: this.random });
    const [certificate] = await this.certificates.intend(em, tenantId, [{ intent, edgeSiteId, onboardingPackageId: id }]);
    return certificate!;
  }

  private record(em: Em, caller: Caller, verb: string, id: string, detail: Record<string, unknown> = {}): void {
    this.audit.record(em, caller, { action: `${SUBJECT}.${verb}`, subjectType: SUBJECT, subjectId: id, detail });
  }
}

/** Uniqueness is the database's to decide; here it is put into words. */
function explainConflict(error: unknown, { componentId }: NewOnboardingPackage): unknown {
  if (!(error instanceof UniqueConstraintViolationException)) return error;
  const detail = `The component "${componentId}" of this site has an onboarding package that is good. Revoke it first, or choose another component_id.`;
  return new DomainError('conflict', detail);
}
