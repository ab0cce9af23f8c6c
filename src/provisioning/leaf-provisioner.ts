import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, type Random } from '#libs/kernel';
import { type Certificate, EdgeSite, NatsLeafServer, type NatsUser, Tenant } from '#libs/model';
import { type KeyPair, parseHostPort } from '#libs/nats';
import { generateKeyPair, planLeaf, planLeafListener } from '#libs/pki';
import { listenerHosts, sealLeafSecrets } from '../edge-sites/index.js';
import { AccountService, CredentialService, OperatorService, PlatformHosts } from '../nats/index.js';
import { AuthorityService, CertificateService } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { PublicUrl } from '../platform/public-url.js';
import { renderLeaf } from './render-leaf.js';

export interface LeafGeneration {
  tenantId: string;
  leafId: string;
  generation: number;
}

/** What was gathered and put on record before anything is signed. */
interface Intended {
  tenant: Tenant;
  site: EdgeSite;
  leaf: NatsLeafServer;
  leafCertificate: Certificate;
  listenerCertificate: Certificate;
  user: NatsUser;
  userKey: KeyPair;
  chain: { tenantCaPem: string; rootPem: string; chainPem: string };
}

/**
 * Makes the certificates, credentials and configuration of a pending leaf. It can be run twice, by two workers at once, and
 * killed at any point: what was going to be signed is on record before it is, and only the run that still finds the
 * leaf pending, under its lock, has its work kept.
 */
@Injectable()
export class LeafProvisioner {
  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    private readonly operator: OperatorService,
    private readonly accounts: AccountService,
    private readonly credentials: CredentialService,
    private readonly platformHosts: PlatformHosts,
    private readonly publicUrl: PublicUrl,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** @returns whether this run provisioned the leaf; not so when it was no longer pending, or of another generation */
  async provision(target: LeafGeneration): Promise<boolean> {
    const intended = await this.database.transaction(target, (em) => this.intend(em, target));
    if (intended === undefined) return false;
    const signed = await this.sign(intended);
    return this.database.transaction(target, (em) => this.keep(em, target, intended, signed));
  }

  /** Records why the leaf cannot be provisioned by trying again. */
  async fail(target: LeafGeneration, reason: string): Promise<void> {
    await this.database.transaction(target, async (em) => {
      const leaf = await this.lockPending(em, target);
      leaf?.failProvisioning(reason, this.clock.now());
    });
  }

  private async intend(em: Em, target: LeafGeneration): Promise<Intended | undefined> {
    const { tenantId, generation } = target;
    const leaf = await this.lockPending(em, target);
    if (leaf === undefined) return undefined;
    const site = await em.findOneOrFail(EdgeSite, { id: leaf.edgeSiteId });
    const tenant = await em.findOneOrFail(Tenant, { id: tenantId });

    // Left behind by a run that was cut short.
    await this.certificates.abandon(em, { edgeSiteId: site.id, generation });
    await this.credentials.abandon(em, { edgeSiteId: site.id, generation });

    const issuer = await this.authorities.activeCa(em, tenantId);
    const crlUrl = `${this.publicUrl.value}/api/pki/tenants/${tenant.slug}/crl`;
    const profile = { tenant: tenant.slug, site: site.slug, issuer, crlUrl };
    const context = { clock: this.clock, random: this.random };
    const hosts = listenerHosts(site);
    const plans = [
      planLeaf(profile, context),
      planLeafListener({ ...profile, hosts, reservedHosts: this.platformHosts.reserved }, context),
    ];
    const of = { edgeSiteId: site.id, generation };
    const [leafCertificate, listenerCertificate] = await this.certificates.intend(
      em,
      tenantId,
      plans.map((intent) => ({ intent, ...of })),
    );
    const { user, keyPair } = await this.credentials.intendLeafUser(em, {
      tenantId,
      ...of,
      siteSlug: site.slug,
      jetstreamDomain: leaf.jetstreamDomain,
      expiresAt: leafCertificate!.notAfter,
    });
    return {
      tenant,
      site,
      leaf,
      leafCertificate: leafCertificate!,
      listenerCertificate: listenerCertificate!,
      user,
      userKey: keyPair,
      chain: await this.authorities.chainOf(em, tenantId),
    };
  }

  /** Reads anew what was put on record, in a transaction that began after that, and signs just it. */
  private sign({ leafCertificate, listenerCertificate, user, userKey }: Intended) {
    const leafKey = generateKeyPair();
    const listenerKey = generateKeyPair();
    return this.database.transaction({ tenantId: user.tenantId }, async (em) => {
      const requests = [
        { certificate: leafCertificate, publicKey: leafKey.publicKey },
        { certificate: listenerCertificate, publicKey: listenerKey.publicKey },
      ];
      const [leaf, listener] = await this.certificates.signAll(requests, em);
      const creds = await this.credentials.sign(user, userKey, em);
      return { leaf: leaf!, listener: listener!, creds, leafKeyPem: leafKey.privateKeyPem, serverKeyPem: listenerKey.privateKeyPem };
    });
  }

  private async keep(
    em: Em,
    target: LeafGeneration,
    { tenant, site, chain, ...intended }: Intended,
    signed: Awaited<ReturnType<LeafProvisioner['sign']>>,
  ): Promise<boolean> {
    const leaf = await this.lockPending(em, target);
    if (!leaf) return false;
    await this.certificates.issueAll(em, [
      { certificate: intended.leafCertificate, signed: signed.leaf },
      { certificate: intended.listenerCertificate, signed: signed.listener },
    ]);
    await this.credentials.issue(em, intended.user);

    const now = this.clock.now();
    const secrets = { leafKeyPem: signed.leafKeyPem, serverKeyPem: signed.serverKeyPem, creds: signed.creds };
    const certificates = {
      leafCertPem: signed.leaf.certificatePem + chain.tenantCaPem,
      serverCertPem: signed.listener.certificatePem + chain.tenantCaPem,
      caChainPem: chain.chainPem,
      tenantCaPem: chain.tenantCaPem,
    };
    const account = await this.accounts.leafEdition(em, target.tenantId, {
      maxMemoryBytes: leaf.jetstreamMaxMemoryBytes,
      maxFileBytes: leaf.jetstreamMaxFileBytes,
    });
    const rendered = renderLeaf({
      tenant,
      site,
      leaf,
      operatorJwt: this.operator.jwt,
      systemAccount: this.operator.newLeafSystemAccount(`leaf.${site.slug}.${tenant.slug}`),
      account,
      listen: parseHostPort(leaf.localListen),
      certificates,
      secrets,
    });
    leaf.provision(
      {
        ...certificates,
        ...sealLeafSecrets(this.keyRing, leaf.id, secrets),
        certExpiresAt: earliest(signed.leaf.notAfter, signed.listener.notAfter),
        ...rendered,
      },
      now,
    );
    this.audit.record(em, systemCaller('provisioning', target.tenantId), {
      action: 'nats_leaf_server.provision',
      subjectType: 'edge_site',
      subjectId: site.id,
      detail: { generation: leaf.generation, config_checksum: rendered.configChecksum },
    });
    return true;
  }

  private async lockPending(em: Em, { leafId, generation }: LeafGeneration): Promise<NatsLeafServer | undefined> {
    const leaf = await em.findOne(NatsLeafServer, { id: leafId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    return leaf?.status === 'pending' && leaf.generation === generation ? leaf : undefined;
  }
}

const earliest = (...times: Date[]) => new Date(Math.min(...times.map(Number)));

/** Whether trying again may help: a refusal of ours is for good, all else (a database that is away, say) passes. */
export const isFinal = (error: unknown): error is DomainError =>
  error instanceof DomainError && !error.retryable && error.code !== 'internal' && error.code !== 'unavailable';
