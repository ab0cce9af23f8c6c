import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import type { EdgeSite, NatsAccount, NatsLeafServer } from '#libs/model';
import { AccountService, CredentialService, HubAddress } from '../nats/index.js';
import { AuthorityService, CertificateService } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { driftOf } from './drift.js';
import { ProvisioningQueue } from './provisioning-queue.js';
import { reasonToRenew } from './reason-to-renew.js';
import { findSite, loadSite, type SiteWithLeaf } from './site-with-leaf.js';

/** What was revoked; the accounts are to be announced when the transaction is committed. */
export interface Revoked {
  certificates: number;
  accounts: NatsAccount[];
}

type Detail = Record<string, unknown>;

/** The generations of leaves: how a new one comes, and how those before it go. */
@Injectable()
export class LeafGenerations {
  constructor(
    private readonly database: Database,
    private readonly provisioning: ProvisioningQueue,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    private readonly credentials: CredentialService,
    private readonly accounts: AccountService,
    private readonly hub: HubAddress,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Makes the leaf wait for its next generation. To be enqueued when that is committed. */
  request(leaf: NatsLeafServer): void {
    leaf.upstreamUrl = this.hub.leafUpstreamUrl;
    leaf.requestGeneration(this.clock.now());
  }

  /**
   * Asks for a new generation; the one before works until the new one has connected.
   * @throws DomainError `not_found`, `forbidden`; `illegal_transition` while one is being made
   */
  async regenerate(caller: Caller, id: string): Promise<SiteWithLeaf> {
    const regenerated = await this.database.transaction(caller.tenantScope, async (em) => {
      const found = await loadSite(em, caller, id, LockMode.PESSIMISTIC_WRITE, ['regenerate', 'NatsLeafServer']);
      caller.authorize('regenerate', 'NatsLeafServer', found.site);
      // What failed for good is pending without anybody at work on it.
      if (found.leaf.lastError === null) found.leaf.checkPossible('REPROVISION');
      this.request(found.leaf);
      this.record(em, caller, 'nats_leaf_server.regenerate', found.site, { generation: found.leaf.generation });
      return found;
    });
    await this.provisioning.add(regenerated.leaf);
    return regenerated;
  }

  /**
   * Asks for a new generation when the newest one's certificates are expiring soon, or its tenant's CAs are others by now
   * (`reasonToRenew`). Not while one is being made.
   * @returns whether it did
   */
  renew(caller: Caller, id: string): Promise<boolean> {
    return this.requestWhere(caller, id, async (em, leaf) => {
      const active = await this.authorities.activeCa(em, leaf.tenantId);
      const { trustedCaIds } = await this.authorities.chainOf(em, leaf.tenantId);
      const reason = reasonToRenew(leaf, { active, trustedCaIds }, this.clock.now());
      return reason && { reason, cert_expires_at: leaf.certExpiresAt?.toISOString() };
    });
  }

  /**
   * Asks for a new generation after one whose users are signed by a key that is to go. Not when there is one already, or it is being made.
   * @returns whether it did
   */
  supersede(caller: Caller, id: string, generation: number): Promise<boolean> {
    return this.requestWhere(caller, id, (_em, leaf) => (leaf.generation === generation ? { supersedes: generation } : undefined));
  }

  /**
   * Asks for a new generation when the newest one's bundle holds an older JWT of the operator than this revision. Not while one is being made:
   * that gets the newest.
   * @returns whether it did
   */
  followOperator(caller: Caller, id: string, jwtRevision: number): Promise<boolean> {
    const due = async (em: Em, { provisionedGeneration }: NatsLeafServer) => {
      if (!provisionedGeneration || (await this.credentials.operatorRevisionOf(em, id, provisionedGeneration)) >= jwtRevision) return undefined;
      return { operator_revision: jwtRevision };
    };
    return this.requestWhere(caller, id, due, 'follow_operator');
  }

  /**
   * Revokes all generations before the newest at once, whether or not that has connected: the hub drops a leaf that runs one of them.
   * @throws DomainError `not_found`, `forbidden`; `not_provisioned` while the newest is not made; `conflict` when nothing older is good
   */
  async revokePrevious(caller: Caller, id: string): Promise<SiteWithLeaf> {
    const { found, accounts } = await this.database.transaction(caller.tenantScope, async (em) => {
      const found = await loadSite(em, caller, id, LockMode.PESSIMISTIC_WRITE, ['revoke', 'NatsLeafServer']);
      caller.authorize('revoke', 'NatsLeafServer', found.site);
      const { generation, status } = found.leaf;
      if (status === 'pending') throw notMade(found.leaf);
      const { certificates, accounts } = await this.revokeBefore(em, caller, found.leaf, generation);
      if (certificates === 0 && accounts.length === 0) throw nothingOlder(generation);
      this.record(em, caller, 'nats_leaf_server.revoke_previous', found.site, { before_generation: generation });
      return { found, accounts };
    });
    await this.accounts.announce(...accounts);
    return found;
  }

  /**
   * Compares what a site runs with what it should run. What it reports for the first time is audited.
   * @param checksum SHA-256 of its SHA256SUMS, as `config_checksum`
   * @throws DomainError `not_found`, `forbidden`
   */
  reportRunning(caller: Caller, id: string, checksum: string): Promise<SiteWithLeaf> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const found = await loadSite(em, caller, id, LockMode.PESSIMISTIC_WRITE, ['update', 'NatsLeafServer']);
      const { site, leaf } = found;
      caller.authorize('update', 'NatsLeafServer', site);
      const rightful = { newest: leaf.configChecksum ?? null, installed: leaf.installedChecksum ?? null };
      const drift = driftOf(checksum, rightful);
      if (checksum !== leaf.runningChecksum) this.record(em, caller, 'nats_leaf_server.report', site, { running_checksum: checksum, drift });
      leaf.report({ checksum, drifted: drift === 'drifted', at: this.clock.now() });
      return found;
    });
  }

  /** Revokes the certificates and the NATS users of the leaf's generations before this one. */
  async revokeBefore(em: Em, caller: Caller, { edgeSiteId }: NatsLeafServer, generation: number): Promise<Revoked> {
    if (generation === 1) return { certificates: 0, accounts: [] };
    const older = { upToGeneration: generation - 1 };
    const { length } = await this.certificates.revokeOfSite(em, caller, edgeSiteId, { ...older, reason: 'superseded' });
    return { certificates: length, accounts: await this.credentials.revokeOfSite(em, caller, edgeSiteId, older) };
  }

  /**
   * @param due whether it is to be done, with what is to be said of it; undefined when not
   * @param verb of the audit row
   */
  private async requestWhere(
    caller: Caller,
    id: string,
    due: (em: Em, leaf: NatsLeafServer) => Promise<Detail | undefined> | Detail | undefined,
    verb = 'renew',
  ): Promise<boolean> {
    const renewed = await this.database.transaction(caller.tenantScope, async (em) => {
      const { site, leaf } = (await findSite(em, id, { lockMode: LockMode.PESSIMISTIC_WRITE })) ?? {};
      if (site === undefined || leaf === undefined || leaf.status === 'pending') return undefined;
      const detail = await due(em, leaf);
      if (detail === undefined) return undefined;
      this.request(leaf);
      this.record(em, caller, `nats_leaf_server.${verb}`, site, { generation: leaf.generation, ...detail });
      return leaf;
    });
    if (renewed === undefined) return false;
    await this.provisioning.add(renewed);
    return true;
  }

  private record(em: Em, caller: Caller, action: string, site: EdgeSite, detail: Record<string, unknown>): void {
    this.audit.record(em, caller, { action, subjectType: 'edge_site', subjectId: site.id, detail });
  }
}

function notMade({ generation, lastError }: NatsLeafServer): DomainError {
  const why = lastError === null ? 'is being made. Wait until it is provisioned.' : `could not be made: ${lastError} Regenerate first.`;
  return new DomainError('not_provisioned', `Generation ${generation}, which is to take over, ${why}`);
}

function nothingOlder(generation: number): DomainError {
  const what = generation === 1 ? 'is the first one' : 'is the only one that is not revoked';
  const detail = `There is nothing to revoke: generation ${generation} ${what}. Regenerate first if the site’s credentials are known to others.`;
  return new DomainError('conflict', detail);
}
