import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { collectorSubjects } from '#libs/collectors';
import type { Clock, Random } from '#libs/kernel';
import { type Certificate, CollectorPackage, EdgeSite, Tenant } from '#libs/model';
import { generateKeyPair, planCollector } from '#libs/pki';
import { CredentialService, type IntendedUser, PlatformHosts } from '../nats/index.js';
import { AuthorityService, CertificateService, crlUrlOf } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { PublicUrl } from '../platform/public-url.js';
import { type CollectorJob, waiting } from './collector-queue.js';
import { sealCollectorSecrets } from './collector-secrets.js';

interface Intended {
  certificate: Certificate;
  user: IntendedUser;
}

/**
 * Makes the certificate and the NATS user of a pending collector package. As with leaves, it can be run twice, by two workers at once, and
 * killed at any point: what is going to be signed is on record before it is, and only the run that still finds its attempt under way keeps
 * what it made.
 */
@Injectable()
export class CollectorProvisioner {
  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    private readonly credentials: CredentialService,
    private readonly platformHosts: PlatformHosts,
    private readonly publicUrl: PublicUrl,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** @returns whether this run provisioned the package; not so when its attempt is over */
  async provision(job: CollectorJob): Promise<boolean> {
    const scope = { tenantId: job.tenantId };
    const intended = await this.database.transaction(scope, (em) => this.intend(em, job));
    if (intended === undefined) return false;
    const { privateKeyPem: keyPem, publicKey } = generateKeyPair();
    const signed = await this.certificates.sign(intended.certificate, publicKey);
    const creds = await this.credentials.sign(intended.user.user, intended.user.keyPair);
    return this.database.transaction(scope, async (em) => {
      const collector = await this.lock(em, job);
      if (collector === undefined) return false;
      await this.certificates.issue(em, intended.certificate, signed);
      await this.credentials.issue(em, intended.user.user);
      const { chainPem, issuerPemOf } = await this.authorities.chainOf(em, job.tenantId);
      collector.provision(
        {
          certPem: signed.certificatePem + issuerPemOf(intended.certificate),
          caChainPem: chainPem,
          ...sealCollectorSecrets(this.keyRing, collector, { keyPem, creds }),
          certExpiresAt: signed.notAfter,
        },
        this.clock.now(),
      );
      this.record(em, collector, 'collector_package.provision', { generation: collector.generation });
      return true;
    });
  }

  /** Records why a package cannot be provisioned by trying again. */
  async fail(job: CollectorJob, reason: string): Promise<void> {
    await this.database.transaction({ tenantId: job.tenantId }, async (em) => {
      const collector = await this.lock(em, job);
      if (collector === undefined) return;
      collector.fail(reason, this.clock.now());
      this.record(em, collector, 'collector_package.fail', { reason });
    });
  }

  private async intend(em: Em, job: CollectorJob): Promise<Intended | undefined> {
    const { tenantId, packageId: collectorPackageId } = job;
    const collector = await this.lock(em, job);
    if (collector === undefined) return undefined;
    collector.startProvisioning(this.clock.now());
    // Left behind by runs that were cut short.
    await this.certificates.abandon(em, { collectorPackageId });
    await this.credentials.abandon(em, { collectorPackageId });

    const { slug: tenant } = await em.findOneOrFail(Tenant, { id: tenantId });
    const site = collector.edgeSiteId ? await em.findOne(EdgeSite, { id: collector.edgeSiteId }) : null;
    const issuer = await this.authorities.activeCa(em, tenantId);
    const intent = planCollector(
      {
        tenant,
        site: site?.slug,
        name: collector.userName,
        hostname: collector.hostname ?? undefined,
        reservedHosts: this.platformHosts.reserved,
        issuer,
        crlUrl: crlUrlOf(this.publicUrl.value, tenant, issuer),
      },
      { clock: this.clock, random: this.random },
    );
    const edgeSiteId = collector.edgeSiteId ?? undefined;
    const { generation } = collector;
    const [certificate] = await this.certificates.intend(em, tenantId, [{ intent, collectorPackageId, generation, edgeSiteId }]);
    const user = await this.credentials.intendCollectorUser(em, {
      tenantId,
      name: collector.userName,
      collectorPackageId,
      generation,
      edgeSiteId: edgeSiteId ?? null,
      subjects: collectorSubjects(collector.collectorType),
      expiresAt: intent.notAfter,
    });
    return { certificate: certificate!, user };
  }

  /** @returns undefined when it is not being provisioned any more, or in another attempt */
  private async lock(em: Em, { packageId, attempt }: CollectorJob): Promise<CollectorPackage | undefined> {
    const where = { $and: [{ id: packageId, attempt }, waiting()] };
    return (await em.findOne(CollectorPackage, where, { lockMode: LockMode.PESSIMISTIC_WRITE })) ?? undefined;
  }

  private record(em: Em, { id, tenantId }: CollectorPackage, action: string, detail = {}): void {
    this.audit.record(em, systemCaller('provisioning', tenantId), { action, subjectType: 'collector_package', subjectId: id, detail });
  }
}
