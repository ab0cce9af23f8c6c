import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { Certificate } from '#libs/model';
import {
  type CertificateIntent,
  generateKeyPair,
  parseCertificate,
  planService,
  type PlatformService,
  type SignedCertificate,
  signCertificate,
} from '#libs/pki';
import { Audit } from '../platform/audit/index.js';
import { type Caller, systemCaller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM, type Where } from '../platform/database/index.js';
import { AuthorityService } from './authority.service.js';
import { type PlatformAuthority, PlatformAuthorities } from './platform-authorities.js';
import { intentColumns, intentOf } from './recorded-intent.js';
import type { EndEntityReason } from './revocation-reason.js';
import { reasonToRenew, type ServiceCertificate } from './service-certificate.js';

/** Intents that are closed at once. */
const FORGOTTEN_BATCH = 200;

/** A certificate that is to be made, and what it is for. */
export interface CertificatePlan {
  /** As `#libs/pki` planned it under the tenant's active CA. */
  intent: CertificateIntent;
  edgeSiteId?: string;
  generation?: number;
  collectorPackageId?: string;
  onboardingPackageId?: string;
}

/**
 * Whose certificates. What belongs to a package stands under the package's site as well, but is not the site's own: it goes neither when a
 * generation of the leaf does, nor when the site is deleted.
 */
export type CertificateHolder =
  | { edgeSiteId: string | string[]; generation?: number }
  | { collectorPackageId: string }
  | { onboardingPackageId: string };

export interface SigningRequest {
  certificate: Certificate;
  publicKey: Uint8Array;
}

export interface IssuedServiceCertificate extends ServiceCertificate {
  /** The services CA: to be sent along with the certificate. */
  chainPem: string;
  rootPem: string;
}

/**
 * Issues so that nothing is ever signed that is not on record: `intend` in a transaction of its own; `sign` when that
 * has been committed; `issue` in the transaction that also stores the key; `abandon` for what a worker that died left
 * behind. (Boulder's order: the serial is on record before the signature is made.)
 */
@Injectable()
export class CertificateService {
  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    private readonly platform: PlatformAuthorities,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Records what the tenant's active CA is going to sign. To be committed before `sign` is called.
   * @throws DomainError `not_found` when the tenant has no active CA
   */
  async intend(em: Em, tenantId: string, plans: readonly CertificatePlan[]): Promise<Certificate[]> {
    const ca = await this.authorities.activeCa(em, tenantId);
    return plans.map((plan) => this.record(em, tenantId, ca.id, plan));
  }

  /**
   * Signs what is on record, by the issuer that is on record, and checks that the result says just that. Writes nothing.
   *
   * @param certificate as `intend` returned it
   * @param publicKey the subject's, as SubjectPublicKeyInfo in DER
   * @throws DomainError `conflict` (retryable, with a new intent) when the intent was not committed or is no longer open;
   *   `profile_violation` when what is on record is not what was intended
   */
  async sign(certificate: Certificate, publicKey: Uint8Array): Promise<SignedCertificate> {
    const [signed] = await this.signAll([{ certificate, publicKey }]);
    return signed!;
  }

  /**
   * As `sign`, for certificates of one tenant: all of them are looked up at once.
   * @param within a transaction of its own, begun after the intents were committed; absent for a single look-up
   */
  async signAll(requests: readonly SigningRequest[], within?: Em): Promise<SignedCertificate[]> {
    const tenantId = requests[0]?.certificate.tenantId;
    const em = within ?? this.database.em(tenantId ? { tenantId } : PLATFORM);
    const ids = requests.map(({ certificate }) => certificate.id);
    const rows = await em.find(Certificate, { id: ids }, { disableIdentityMap: true });
    const recorded = new Map(rows.map((row) => [row.id, row]));
    return Promise.all(requests.map((request) => this.signRecorded(request, recorded.get(request.certificate.id))));
  }

  private async signRecorded({ certificate, publicKey }: SigningRequest, recorded?: Certificate): Promise<SignedCertificate> {
    if (recorded?.status !== 'intended') throw notOpen(certificate, recorded);
    const intent = intentOf(recorded, certificate);
    return signCertificate(intent, publicKey, await this.authorities.issuer(recorded));
  }

  /**
   * Stores what was signed.
   * @throws DomainError `conflict` (retryable, with a new intent) when the certificate was abandoned or revoked meanwhile
   */
  async issue(em: Em, certificate: Certificate, signed: SignedCertificate): Promise<Certificate> {
    const [issued] = await this.issueAll(em, [{ certificate, signed }]);
    return issued!;
  }

  /** As `issue`, for several at once. */
  async issueAll(em: Em, made: readonly { certificate: Certificate; signed: SignedCertificate }[]): Promise<Certificate[]> {
    const ids = made.map(({ certificate }) => certificate.id);
    const rows = await em.find(Certificate, { id: ids }, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
    const byId = new Map(rows.map((row) => [row.id, row]));
    return made.map(({ certificate, signed }) => {
      const row = byId.get(certificate.id);
      if (row?.status !== 'intended') throw notOpen(certificate, row);
      row.apply('ISSUE');
      row.certificatePem = signed.certificatePem;
      return row;
    });
  }

  /** Closes intents that nobody will complete. What may have been signed for them was given to nobody. */
  async abandon(em: Em, holder: CertificateHolder): Promise<Certificate[]> {
    const left = await em.find(
      Certificate,
      { ...heldBy(holder), status: 'intended' },
      { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } },
    );
    for (const certificate of left) certificate.apply('ABANDON');
    return left;
  }

  /**
   * Closes intents from before a time, whosesoever they are: of a process that died, with nobody to do its work again. Others that do so at
   * the same time are not waited for.
   * @returns how many; there may be more than that
   */
  async abandonForgotten(em: Em, before: Date): Promise<number> {
    const where = { status: 'intended' as const, createdAt: { $lt: before } };
    const left = await em.find(Certificate, where, { lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE, orderBy: { createdAt: 'asc' }, limit: FORGOTTEN_BATCH });
    for (const certificate of left) certificate.apply('ABANDON');
    return left.length;
  }

  /**
   * Puts a certificate on its CA's revocation list. NATS servers do not read such lists: what cuts a leaf or a
   * collector off from the hub is the revocation of its NATS user.
   *
   * @param certificate loaded by `em`, under a lock
   * @throws DomainError `illegal_transition` when it is revoked already
   */
  revoke(em: Em, caller: Caller, certificate: Certificate, reason: EndEntityReason): void {
    certificate.apply('REVOKE');
    certificate.revokedAt = this.clock.now();
    certificate.revocationReason = reason;
    this.audit.record(em, caller, {
      action: 'certificate.revoke',
      subjectType: 'certificate',
      subjectId: certificate.id,
      detail: { serial_number: certificate.serialNumber, kind: certificate.kind, reason },
    });
  }

  /**
   * Revokes what a site was issued, and what is being issued to it. As with `revoke`, the site's NATS users are
   * revoked apart.
   *
   * @param upToGeneration the last generation to revoke; all of them when absent
   */
  async revokeOfSite(
    em: Em,
    caller: Caller,
    edgeSiteId: string,
    { upToGeneration, reason }: { upToGeneration?: number; reason: EndEntityReason },
  ): Promise<Certificate[]> {
    const upTo = upToGeneration === undefined ? {} : { generation: { $lte: upToGeneration } };
    return this.revokeAll(em, caller, { ...heldBy({ edgeSiteId }), ...upTo }, reason);
  }

  /**
   * Revokes what a package was issued, and what is being issued to it.
   * @param upToGeneration as of `revokeOfSite`
   */
  revokeOfPackage(
    em: Em,
    caller: Caller,
    holder: Exclude<CertificateHolder, { edgeSiteId: unknown }>,
    reason: EndEntityReason,
    upToGeneration?: number,
  ): Promise<Certificate[]> {
    // Those of the first generation have none, where it is older than generations are.
    const upTo = upToGeneration === undefined ? {} : { $or: [{ generation: null }, { generation: { $lte: upToGeneration } }] };
    return this.revokeAll(em, caller, { ...holder, ...upTo }, reason);
  }

  /**
   * Gives a service of the platform a certificate by the services CA. It keeps the one it has until the names it is
   * reached by change, less than 30 days remain, or it is revoked. The key is kept by the service, and nowhere else.
   *
   * @param hosts DNS names and IP addresses that it is reached by
   * @param current what the service has
   * @throws DomainError `profile_violation`
   */
  async issueService(
    { service, hosts }: { service: PlatformService; hosts: readonly string[] },
    current?: ServiceCertificate,
  ): Promise<IssuedServiceCertificate> {
    const ca = await this.platform.services();
    const chain = { chainPem: ca.certificatePem, rootPem: await this.authorities.rootPem() };
    const intent = planService({ service, hosts, issuer: ca }, { clock: this.clock, random: this.random });
    const keeps = current !== undefined && (await this.isGood(current, intent, ca));
    return { ...(keeps ? current : await this.issueByServicesCa(intent, ca.id)), ...chain };
  }

  private async revokeAll(em: Em, caller: Caller, where: Where<Certificate>, reason: EndEntityReason): Promise<Certificate[]> {
    const certificates = await em.find(
      Certificate,
      { $and: [where, { status: ['intended', 'issued'] }] } as Where<Certificate>,
      { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } },
    );
    for (const certificate of certificates) this.revoke(em, caller, certificate, reason);
    return certificates;
  }

  private async isGood(current: ServiceCertificate, intent: CertificateIntent, ca: PlatformAuthority): Promise<boolean> {
    const now = this.clock.now();
    if (reasonToRenew(current, { intent, issuerPem: ca.certificatePem, now }) !== undefined) return false;
    const { serialNumber } = parseCertificate(current.certificatePem);
    const where = { issuerId: ca.id, serialNumber, status: 'issued' as const };
    return (await this.database.em(PLATFORM).count(Certificate, where)) === 1;
  }

  private async issueByServicesCa(intent: CertificateIntent, caId: string): Promise<ServiceCertificate> {
    const certificate = await this.database.transaction(PLATFORM, async (em) => {
      await this.abandonServices(em);
      return this.record(em, null, caId, { intent });
    });
    const { privateKeyPem, publicKey } = generateKeyPair();
    const signed = await this.sign(certificate, publicKey);
    await this.database.transaction(PLATFORM, async (em) => {
      await this.issue(em, certificate, signed);
      this.audit.record(em, systemCaller('pki', null), {
        action: 'certificate.issue',
        subjectType: 'certificate',
        subjectId: certificate.id,
        detail: { serial_number: intent.serialNumber, common_name: intent.commonName },
      });
    });
    return { certificatePem: signed.certificatePem, privateKeyPem };
  }

  /** Closes intents of processes that died; those that are at work take less than a minute. */
  private async abandonServices(em: Em): Promise<void> {
    const createdAt = { $lt: new Date(this.clock.now().getTime() - 60_000) };
    const left = await em.find(Certificate, { kind: 'service', status: 'intended', createdAt });
    for (const certificate of left) certificate.apply('ABANDON');
  }

  private record(em: Em, tenantId: string | null, issuerId: string, plan: CertificatePlan): Certificate {
    const certificate = Object.assign(new Certificate(), {
      id: newId(this.clock, this.random),
      tenantId,
      issuerId,
      status: 'intended' as const,
      ...intentColumns(plan.intent),
      certificatePem: null,
      revokedAt: null,
      revocationReason: null,
      edgeSiteId: plan.edgeSiteId ?? null,
      generation: plan.generation ?? null,
      collectorPackageId: plan.collectorPackageId ?? null,
      onboardingPackageId: plan.onboardingPackageId ?? null,
      createdAt: this.clock.now(),
    });
    em.persist(certificate);
    return certificate;
  }
}

const heldBy = (holder: CertificateHolder) =>
  'edgeSiteId' in holder ? { ...holder, collectorPackageId: null, onboardingPackageId: null } : holder;

/** Another run of the same work took over, or what it was for is gone. */
function notOpen({ id }: Certificate, found: Certificate | null | undefined): DomainError {
  return new DomainError('conflict', 'The intent to issue this certificate is not on record, or no longer open.', {
    context: { certificate: id, status: found?.status ?? 'not on record' },
    retryable: true,
  });
}
