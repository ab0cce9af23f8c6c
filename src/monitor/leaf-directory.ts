import { Injectable } from '@nestjs/common';
import { EdgeSite, NatsAccount, type NatsAccountKind, NatsUser, unnumbered } from '#libs/model';
import { type HubConnection as Link, siteOfServerName } from '#libs/nats';
import type { PresentLeaf } from '../edge-sites/index.js';
import type { ControlLink } from '../leaf-accounts/index.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';

/** Whose a connection at the hub is. */
export interface LeafUser {
  tenantId: string;
  edgeSiteId: string;
  generation: number;
  /** Which of the leaf's two connections: the one that carries its messages, or its control link. */
  purpose: 'leaf' | 'leaf_control';
}

/** Tells which site a connection at the hub belongs to. */
@Injectable()
export class LeafDirectory {
  constructor(private readonly database: Database) {}

  /** The key of a leaf's user is the identity: it tells site, generation and purpose. */
  async ofUsers(publicKeys: readonly string[]): Promise<Map<string, LeafUser>> {
    const fields = ['publicKey', 'purpose', 'tenantId', 'edgeSiteId', 'generation'] as const;
    const users = await this.database.em(PLATFORM).find(NatsUser, { publicKey: [...new Set(publicKeys)], purpose: ['leaf', 'leaf_control'] }, { fields });
    return new Map(
      users.flatMap(({ publicKey, tenantId, edgeSiteId, generation, purpose }) =>
        edgeSiteId && generation ? [[publicKey, { tenantId, edgeSiteId, generation, purpose: purpose as LeafUser['purpose'] }]] : [],
      ),
    );
  }

  /**
   * Whose links these are, by account and server name: the hub does not list users. Where two generations of a site may
   * connect, the older one is taken to be the one that did: taking it for the newer would revoke it.
   */
  async ofLinks(links: readonly Link[], at: Date): Promise<PresentLeaf[]> {
    const em = this.database.em(PLATFORM);
    const located = await this.locate(em, links, 'tenant');
    const users = await em.find(
      NatsUser,
      { edgeSiteId: located.map(({ edgeSiteId }) => edgeSiteId), purpose: 'leaf', status: 'issued' },
      { fields: ['edgeSiteId', 'generation'], orderBy: { generation: 'desc' } },
    );
    const oldestOf = new Map(users.map(({ edgeSiteId, generation }) => [edgeSiteId, generation]));
    const newestOf = new Map(users.toReversed().map(({ edgeSiteId, generation }) => [edgeSiteId, generation]));

    return located.flatMap((link) => {
      const generation = oldestOf.get(link.edgeSiteId);
      return generation ? [{ ...link, generation, guessed: generation !== newestOf.get(link.edgeSiteId), at }] : [];
    });
  }

  /** The control links among these, by account and server name. */
  async controlLinks(links: readonly Link[], at: Date): Promise<ControlLink[]> {
    const located = await this.locate(this.database.em(PLATFORM), links, 'control');
    return located.map((link) => ({ ...link, at }));
  }

  /** The links in accounts of a kind, with the site whose leaf has them. */
  private async locate(em: Em, links: readonly Link[], kind: NatsAccountKind): Promise<Omit<ControlLink, 'at'>[]> {
    const publicKey = [...new Set(links.map(({ account }) => account))];
    const accounts = await em.find(NatsAccount, { publicKey, kind }, { fields: ['publicKey', 'tenantId'] });
    const tenantOf = new Map(accounts.map(({ publicKey, tenantId }) => [publicKey, tenantId]));

    const slugs = [...new Set(links.flatMap(({ serverName }) => siteOfServerName(serverName) ?? []))];
    const sites = await em.find(EdgeSite, { tenantId: [...tenantOf.values()], slug: slugs }, { fields: ['id', 'tenantId', 'slug'] });
    const siteOf = new Map(sites.map(({ id, tenantId, slug }) => [`${tenantId}/${slug}`, id]));

    return links.flatMap(({ account, serverName, hubServerId, linkId }) => {
      const tenantId = tenantOf.get(account);
      const edgeSiteId = siteOf.get(`${tenantId}/${siteOfServerName(serverName)}`);
      return tenantId && edgeSiteId ? [{ tenantId, edgeSiteId, linkId: linkId ?? unnumbered(`${hubServerId}:`) }] : [];
    });
  }
}
