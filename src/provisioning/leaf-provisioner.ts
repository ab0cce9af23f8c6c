import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { edgeSiteFolder, packBundle } from '#libs/bundle';
import type { Clock, Random } from '#libs/kernel';
import { type Certificate, EdgeSite, type NatsAccount, NatsLeafServer, Tenant } from '#libs/model';
import { parseHostPort } from '#libs/nats';
import {
  type CertificateIntent,
  generateKeyPair,
  type LeafProfile,
  planLeaf,
  planLeafListener,
  type SignedCertificate,
} from '#libs/pki';
import { type LeafSecrets, listenerHosts, sealLeafBundle, sealLeafSecrets } from '../edge-sites/index.js';
import { AccountService, CredentialService, type IntendedUser, type Operator, OperatorService, PlatformHosts } from '../nats/index.js';
import { AuthorityService, type CaChain, CertificateService, crlUrlOf } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { PublicUrl } from '../platform/public-url.js';
import { renderLeaf } from './render-leaf.js';

export interface LeafGeneration {
  leafId: string;
  generation: number;
}

/** What was gathered of a leaf and put on record before anything is signed. */
interface Intended {
  site: EdgeSite;
  leaf: NatsLeafServer;
  leafCertificate: Certificate;
  listenerCertificate: Certificate;
  user: IntendedUser;
  controlUser: IntendedUser;
}

/** What is the same for all leaves of a tenant. */
interface TenantFacts {
  tenant: Tenant;
  chain: CaChain;
  account: NatsAccount;
  operator: Operator;
}

interface Signed extends LeafSecrets {
  leaf: SignedCertificate;
  listener: SignedCertificate;
}

/**
 * Makes the certificates, credentials and configurations of pending leaves. It can be run twice, by two workers at once, and
 * killed at any point: what was going to be signed is on record before it is, and only the run that still finds a
 * leaf pending, under its lock, has its work kept. Leaves of one tenant share reads, writes and commits.
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

  /**
   * All or none: if one leaf cannot be provisioned, the error is that leaf's, and no other's work is kept.
   * @returns the ids of those that this run provisioned; not of those no longer pending, or of another generation
   */
  async provision(tenantId: string, wanted: readonly LeafGeneration[]): Promise<Set<string>> {
    const scope = { tenantId };
    const { intended, control } = await this.database.transaction(scope, (em) => this.intend(em, tenantId, wanted));
    if (control !== undefined && !control.pushed) await this.accounts.announce(control);
    if (intended.length === 0) return new Set();
    // Reads anew what was put on record, in a transaction that began after that, and signs just it.
    const signed = await this.database.transaction(scope, (em) => this.sign(em, intended));
    return this.database.transaction(scope, (em) => this.keep(em, tenantId, wanted, intended, signed));
  }

  /** Records why a leaf cannot be provisioned by trying again. */
  async fail(tenantId: string, wanted: LeafGeneration, reason: string): Promise<void> {
    await this.database.transaction({ tenantId }, async (em) => {
      const [leaf] = await this.lockPending(em, [wanted]);
      leaf?.failProvisioning(reason, this.clock.now());
    });
  }

  private async intend(em: Em, tenantId: string, wanted: readonly LeafGeneration[]): Promise<{ intended: Intended[]; control?: NatsAccount }> {
    const leaves = await this.lockPending(em, wanted);
    if (leaves.length === 0) return { intended: [] };
    const siteIds = leaves.map(({ edgeSiteId }) => edgeSiteId);
    const sites = new Map((await em.find(EdgeSite, { id: siteIds })).map((site) => [site.id, site]));
    const { slug } = await em.findOneOrFail(Tenant, { id: tenantId });

    // Left behind by runs that were cut short.
    await this.certificates.abandon(em, { edgeSiteId: siteIds });
    await this.credentials.abandon(em, { edgeSiteId: siteIds });

    const issuer = await this.authorities.activeCa(em, tenantId);
    const crlUrl = crlUrlOf(this.publicUrl.value, slug, issuer);
    const plans = leaves.flatMap((leaf) => {
      const site = sites.get(leaf.edgeSiteId)!;
      const of = { edgeSiteId: site.id, generation: leaf.generation };
      return this.plan(site, { tenant: slug, site: site.slug, issuer, crlUrl }).map((intent) => ({ intent, ...of }));
    });
    const certificates = await this.certificates.intend(em, tenantId, plans);
    const wantedUsers = leaves.map(({ edgeSiteId, generation }, at) => ({
      tenantId,
      edgeSiteId,
      generation,
      siteSlug: sites.get(edgeSiteId)!.slug,
      expiresAt: certificates[2 * at]!.notAfter,
    }));
    const users = await this.credentials.intendLeafUsers(
      em,
      wantedUsers.map((user, at) => ({ ...user, jetstreamDomain: leaves[at]!.jetstreamDomain })),
    );
    const control = await this.accounts.ensureControlAccount(em, tenantId);
    const controlUsers = await this.credentials.intendControlUsers(em, control, wantedUsers);
    const intended = leaves.map((leaf, at) => ({
      site: sites.get(leaf.edgeSiteId)!,
      leaf,
      leafCertificate: certificates[2 * at]!,
      listenerCertificate: certificates[2 * at + 1]!,
      user: users[at]!,
      controlUser: controlUsers[at]!,
    }));
    return { intended, control };
  }

  private plan(site: EdgeSite, profile: LeafProfile): CertificateIntent[] {
    const context = { clock: this.clock, random: this.random };
    const hosts = listenerHosts(site);
    return [
      planLeaf(profile, context),
      planLeafListener({ ...profile, hosts, reservedHosts: this.platformHosts.reserved }, context),
    ];
  }

  private async sign(em: Em, intended: readonly Intended[]): Promise<Signed[]> {
    const keys = intended.map(() => ({ leaf: generateKeyPair(), listener: generateKeyPair() }));
    const signed = await this.certificates.signAll(
      intended.flatMap(({ leafCertificate, listenerCertificate }, at) => [
        { certificate: leafCertificate, publicKey: keys[at]!.leaf.publicKey },
        { certificate: listenerCertificate, publicKey: keys[at]!.listener.publicKey },
      ]),
      em,
    );
    const creds = await this.credentials.signAll(intended.flatMap(({ user, controlUser }) => [user, controlUser]), em);
    return keys.map(({ leaf, listener }, at) => ({
      leaf: signed[2 * at]!,
      listener: signed[2 * at + 1]!,
      leafKeyPem: leaf.privateKeyPem,
      serverKeyPem: listener.privateKeyPem,
      creds: creds[2 * at]!,
      controlCreds: creds[2 * at + 1]!,
    }));
  }

  private async keep(
    em: Em,
    tenantId: string,
    wanted: readonly LeafGeneration[],
    intended: readonly Intended[],
    signed: readonly Signed[],
  ): Promise<Set<string>> {
    const pending = new Map((await this.lockPending(em, wanted)).map((leaf) => [leaf.id, leaf]));
    const kept = intended.flatMap((one, at) => {
      const leaf = pending.get(one.leaf.id);
      return leaf === undefined ? [] : [{ ...one, leaf, signed: signed[at]! }];
    });
    if (kept.length === 0) return new Set();
    await this.certificates.issueAll(
      em,
      kept.flatMap(({ leafCertificate, listenerCertificate, signed: { leaf, listener } }) => [
        { certificate: leafCertificate, signed: leaf },
        { certificate: listenerCertificate, signed: listener },
      ]),
    );
    const operator = await this.operator.within(em);
    await this.credentials.issueAll(em, kept.flatMap(({ user, controlUser }) => [user.user, controlUser.user]), operator.jwtRevision);
    const tenant = await em.findOneOrFail(Tenant, { id: tenantId });
    const chain = await this.authorities.chainOf(em, tenantId);
    const facts = { tenant, chain, account: await this.accounts.accountOf(em, tenantId), operator };
    await Promise.all(kept.map((one) => this.provisioned(em, facts, one)));
    return new Set(kept.map(({ leaf }) => leaf.id));
  }

  private async provisioned(
    em: Em,
    { tenant, chain, account, operator }: TenantFacts,
    { site, leaf, leafCertificate, signed }: Intended & { signed: Signed },
  ): Promise<void> {
    // Both certificates are planned together: one CA signs both.
    const issuerPem = chain.issuerPemOf(leafCertificate);
    const certificates = {
      leafCertPem: signed.leaf.certificatePem + issuerPem,
      serverCertPem: signed.listener.certificatePem + issuerPem,
      caChainPem: chain.chainPem,
      tenantCaPem: chain.tenantCaPem,
    };
    const { entries, configChecksum } = renderLeaf({
      tenant,
      site,
      leaf,
      operatorJwt: operator.jwt,
      systemAccount: operator.leafSystemAccount,
      account,
      listen: parseHostPort(leaf.localListen),
      certificates,
      secrets: signed,
    });
    const now = this.clock.now();
    const archive = packBundle(edgeSiteFolder(site.slug), entries, { mtime: now });
    leaf.provision(
      {
        ...certificates,
        caId: leafCertificate.issuerId,
        trustedCaIds: chain.trustedCaIds,
        ...sealLeafSecrets(this.keyRing, leaf, signed),
        certExpiresAt: earliest(signed.leaf.notAfter, signed.listener.notAfter),
        bundleCiphertext: await sealLeafBundle(this.keyRing, leaf, archive),
        configChecksum,
      },
      now,
    );
    this.audit.record(em, systemCaller('provisioning', tenant.id), {
      action: 'nats_leaf_server.provision',
      subjectType: 'edge_site',
      subjectId: site.id,
      detail: { generation: leaf.generation, config_checksum: configChecksum },
    });
  }

  /** Those of the leaves that are still pending with the generation that is wanted. */
  private async lockPending(em: Em, wanted: readonly LeafGeneration[]): Promise<NatsLeafServer[]> {
    const generationOf = new Map(wanted.map(({ leafId, generation }) => [leafId, generation]));
    const leaves = await em.find(
      NatsLeafServer,
      { id: [...generationOf.keys()], status: 'pending' },
      { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } },
    );
    return leaves.filter(({ id, generation }) => generationOf.get(id) === generation);
  }
}

const earliest = (...times: Date[]) => new Date(Math.min(...times.map(Number)));
