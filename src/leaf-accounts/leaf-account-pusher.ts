import type { NatsConnection } from '@nats-io/transport-node';
import { Injectable, Logger } from '@nestjs/common';
import { EdgeSite, LeafControlLink, type NatsAccount } from '#libs/model';
import { leafServerName } from '#libs/nats';
import { AccountService, TenantConnections } from '../nats/index.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { askLeaves } from './ask-leaves.js';

type WaitingLink = Pick<LeafControlLink, 'edgeSiteId' | 'linkId'>;

/** Brings tenants' accounts to their leaves, so that a user who was revoked is refused there, too. */
@Injectable()
export class LeafAccountPusher {
  private readonly logger = new Logger(LeafAccountPusher.name);

  constructor(
    private readonly database: Database,
    private readonly accounts: AccountService,
    private readonly connections: TenantConnections,
  ) {}

  /**
   * Pushes the newest JWT of a tenant's account, when the hub has it, to the tenant's leaves, if one of them has not confirmed it over
   * the link that it has now, and records which do. One push at a time for each tenant: a leaf stores an older JWT that comes after a
   * newer one, and a revoked user would be back. The lock is not that of the account's row: nobody who revokes waits for a silent leaf.
   *
   * @throws DomainError `hub_unreachable` (retryable)
   */
  async push(tenantId: string): Promise<void> {
    if ((await this.waiting(this.database.em({ tenantId }), tenantId)).servers.size === 0) return;
    // The connection comes first: making one takes the database, and whoever holds the lock waits for nothing there.
    await this.connections.use(tenantId, 'leaf-accounts', (connection) => this.pushOver(connection, tenantId));
  }

  private async pushOver(connection: NatsConnection, tenantId: string): Promise<void> {
    await this.database.transaction({ tenantId }, async (em) => {
      await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`leaf accounts ${tenantId}`]);
      const { account, servers } = await this.waiting(em, tenantId);
      if (servers.size === 0) return;
      const confirmed = await askLeaves(connection, account, new Set(servers.keys()));
      const links = [...confirmed].map((server) => servers.get(server)!);
      // Of a link that has ended meanwhile nothing is known: its leaf may have lost what it confirmed.
      if (links.length > 0) await em.nativeUpdate(LeafControlLink, { $or: links }, { accountRevision: account.jwtRevision });
      const silent = servers.size - links.length;
      this.logger.log({ tenantId, revision: account.jwtRevision, leaves: links.length, silent }, 'an account was pushed to leaves');
    });
  }

  /** Tenants with a leaf that has not confirmed the newest revision of their account. */
  async pending(): Promise<string[]> {
    const rows = await this.database.em(PLATFORM).execute<{ tenantId: string }[]>(
      `select distinct account.tenant_id as "tenantId"
         from nats_accounts account join leaf_control_links link on link.tenant_id = account.tenant_id
        where account.kind = 'tenant' and account.pushed_revision = account.jwt_revision
          and link.account_revision is distinct from account.jwt_revision`,
    );
    return rows.map(({ tenantId }) => tenantId);
  }

  /**
   * The account as it is now, and the link of each server that has not confirmed that. What the hub has not taken yet no leaf is given: it
   * may be one that servers refuse, and they end the link when it is too large (2.15). Nor is it while leaves may hear of it
   * that do not know the operator's key that has signed it: the control account of the same key names them, when the hub has that.
   */
  private async waiting(em: Em, tenantId: string): Promise<{ account: NatsAccount; servers: Map<string, WaitingLink> }> {
    const account = await this.accounts.accountOf(em, tenantId);
    const servers = account.pushed ? await serversThatWait(em, account.jwtRevision) : new Map<string, WaitingLink>();
    if (servers.size === 0) return { account, servers };
    const control = await this.accounts.accountOf(em, tenantId, 'control');
    return { account, servers: control.pushed && control.signedBy === account.signedBy ? servers : new Map<string, WaitingLink>() };
  }
}

async function serversThatWait(em: Em, revision: number): Promise<Map<string, WaitingLink>> {
  const links = await em.find(LeafControlLink, { $or: [{ accountRevision: null }, { accountRevision: { $ne: revision } }] });
  const sites = await em.find(EdgeSite, { id: links.map(({ edgeSiteId }) => edgeSiteId) }, { fields: ['id', 'slug'] });
  const slugOf = new Map(sites.map(({ id, slug }) => [id, slug]));
  return new Map(
    links.flatMap(({ edgeSiteId, linkId }) => {
      const slug = slugOf.get(edgeSiteId);
      return slug === undefined ? [] : [[leafServerName(slug), { edgeSiteId, linkId }] as const];
    }),
  );
}
