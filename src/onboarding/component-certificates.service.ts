import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { Batches, type Clock, DomainError, type Outcome, type Random } from '#libs/kernel';
import { Certificate, OnboardingPackage, Tenant } from '#libs/model';
import { parseCertificate, planAgent, publicKeyOfRequest } from '#libs/pki';
import { AuthorityService, CertificateService, crlUrlOf } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, isDatabaseAway } from '../platform/database/index.js';
import { PublicUrl } from '../platform/public-url.js';
import { SUBJECT } from './life.js';
import { type Renewable, renewalStep } from './renewal-step.js';

/** The newest generations before those of certificates which are good still, of the same packages; without those before which all are revoked. The first has none. */
const LAST_BEFORE = `
  select shown.id, max(coalesce(before.generation, 1)) as generation from certificates shown
    join certificates before on before.onboarding_package_id = shown.onboarding_package_id
   where shown.id in (select value::uuid from json_array_elements_text(?)) and before.status in ('intended', 'issued')
     and coalesce(before.generation, 1) < coalesce(shown.generation, 1)
   group by shown.id`;

/** Certificates that are asked for together. */
const TOGETHER = 500;

/** A component, as the certificate that it shows tells. */
export interface KnownComponent {
  agentId: string;
  /** The slug of its site. */
  site: string;
  /** Of the certificate, in the inventory. */
  certificateId: string;
  onboardingPackageId: string | null;
}

/** What a component is handed. All PEM. */
export interface RenewedCertificate {
  /** The component's, then that of its issuer. */
  certificatePem: string;
  /** What it takes gateways by. */
  chainPem: string;
  notAfter: Date;
}

/** The certificate of a package, generation after generation: components ask for the next one themselves, by a key that never leaves them. */
@Injectable()
export class ComponentCertificates {
  /** Asked for all together who come at once, as after a restart. */
  readonly #lastBefore = new Batches<string, number | undefined>(TOGETHER, (tenantId, ids) => this.findLastBefore(tenantId, ids), isDatabaseAway);

  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    private readonly publicUrl: PublicUrl,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * A new certificate of the same identity, by the CA that signs now. The one that is shown is good until the new one was shown, or it ends.
   * @param component who it is was found out just now
   * @param request PKCS #10 in DER, of which the key counts
   * @throws DomainError `malformed_request`; `illegal_transition` when it is not time, or the package is not activated; `unauthenticated` when
   * it is revoked; `issuer_expired`; `conflict` (retryable) when somebody else asks at the same time
   */
  async renew(caller: Caller, component: KnownComponent, request: Uint8Array): Promise<RenewedCertificate> {
    const publicKey = publicKeyOfRequest(request);
    const { made, step } = await this.database.transaction(caller.tenantScope, (em) => this.intend(em, caller, component, publicKey));
    if (step === 'again') return this.database.transaction(caller.tenantScope, (em) => this.handOut(em, made));
    const signed = await this.certificates.sign(made, publicKey);
    return this.database.transaction(caller.tenantScope, async (em) => {
      const found = await lockActivated(em, made.onboardingPackageId!);
      const issued = await this.certificates.issue(em, made, signed);
      found.renew(issued.notAfter, this.clock.now());
      const { serialNumber: serial_number, generation, notAfter } = issued;
      const detail = { serial_number, generation, not_after: notAfter.toISOString() };
      this.audit.record(em, caller, { action: `${SUBJECT}.renew`, subjectType: SUBJECT, subjectId: found.id, detail });
      return this.handOut(em, issued);
    });
  }

  /** A component has shown its certificate: those before it are revoked. */
  async shown(caller: Caller, { certificateId, onboardingPackageId }: KnownComponent): Promise<void> {
    if (onboardingPackageId === null) return;
    const last = await this.#lastBefore.add(caller.tenantId, certificateId);
    if (last === undefined) return;
    await this.database.transaction(caller.tenantScope, (em) =>
      this.certificates.revokeOfPackage(em, caller, { onboardingPackageId }, 'superseded', last),
    );
  }

  private async findLastBefore(tenantId: string, ids: readonly string[]): Promise<Outcome<number | undefined>[]> {
    const rows = await this.database.statement<{ id: string; generation: number }>({ tenantId }, LAST_BEFORE, [JSON.stringify([...new Set(ids)])]);
    const generationOf = new Map(rows.map(({ id, generation }) => [id, generation]));
    return ids.map((id) => ({ result: generationOf.get(id) }));
  }

  /** Puts on record what is going to be signed, or finds what was signed for this key before. */
  private async intend(em: Em, caller: Caller, component: KnownComponent, publicKey: Buffer): Promise<{ made: Certificate; step: 'issue' | 'again' }> {
    const { tenantId } = caller;
    const { id: onboardingPackageId, edgeSiteId } = await lockActivated(em, component.onboardingPackageId);
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
    const good = await em.find(Certificate, { onboardingPackageId, status: 'issued' }, lock);
    const [shown, newest] = [good.find(({ id }) => id === component.certificateId), good.at(-1)];
    if (shown === undefined || newest === undefined) throw revoked();
    const issuer = await this.authorities.activeCa(em, tenantId);
    const { slug: tenant } = await em.findOneOrFail(Tenant, { id: tenantId });
    const profile = { tenant, site: component.site, agentId: component.agentId, issuer, crlUrl: crlUrlOf(this.publicUrl.value, tenant, issuer) };
    const intent = planAgent(profile, { clock: this.clock, random: this.random });
    const wanted = { publicKey, issuerId: issuer.id, notAfter: intent.notAfter };
    const step = renewalStep({ shown: renewable(shown), newest: renewable(newest), wanted, now: this.clock.now() });
    if (step === 'again') return { made: newest, step };
    // What an earlier run has left, and what was never shown: a package has two certificates at most.
    await this.certificates.abandon(em, { onboardingPackageId });
    for (const other of good.filter(({ id }) => id !== shown.id)) this.certificates.revoke(em, caller, other, 'superseded');
    const generation = (await newestGeneration(em, onboardingPackageId)) + 1;
    const [made] = await this.certificates.intend(em, tenantId, [{ intent, edgeSiteId: edgeSiteId!, onboardingPackageId, generation }]);
    return { made: made!, step };
  }

  private async handOut(em: Em, certificate: Certificate): Promise<RenewedCertificate> {
    const { chainPem, issuerPemOf } = await this.authorities.chainOf(em, certificate.tenantId!);
    return { certificatePem: certificate.certificatePem! + issuerPemOf(certificate), chainPem, notAfter: certificate.notAfter };
  }
}

/** The package, which nobody else changes until the transaction ends. */
async function lockActivated(em: Em, id: string | null): Promise<OnboardingPackage> {
  const found = id === null ? null : await em.findOne(OnboardingPackage, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (found?.status === 'activated') return found;
  if (found?.status !== 'delivered') throw revoked();
  throw new DomainError('illegal_transition', 'The onboarding package is not activated yet. Say hello first.');
}

/** The first certificate has none. */
async function newestGeneration(em: Em, onboardingPackageId: string): Promise<number> {
  const sql = 'select max(coalesce(generation, 1)) as newest from certificates where onboarding_package_id = ?';
  const [row] = await em.execute<{ newest: number }[]>(sql, [onboardingPackageId]);
  return row!.newest;
}

const renewable = ({ id, issuerId, createdAt, notBefore, notAfter, certificatePem }: Certificate): Renewable => ({
  id,
  issuerId,
  createdAt,
  notBefore,
  notAfter,
  publicKey: parseCertificate(certificatePem!).publicKey,
});

const revoked = () => new DomainError('unauthenticated', 'This certificate is refused: it was revoked, or its onboarding package was. Get a new package for this site.');
