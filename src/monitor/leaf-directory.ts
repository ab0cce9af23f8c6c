import { Injectable } from '@nestjs/common';
import { EdgeSite, NatsAccount, NatsUser, unnumbered } from '#libs/model';
import type { HubConnection as Link } from '#libs/nats';
import type { PresentLeaf } from '../edge-sites/index.js';
import { Database, PLATFORM } from '../platform/database/index.js';

/** Whose a connection at the hub is. */
export interface LeafUser {
  tenantId: string;
  edgeSiteId: string;
  generation: number;
}

/** Tells which site a connection at the hub belongs to. */
@Injectable()
export class LeafDirectory {
  constructor(private readonly database: Database) {}

  /** The key of a leaf's user is the identity: it tells site and generation. */
  async ofUser(publicKey: string): Promise<LeafUser | undefined> {
    const user = await this.database.em(PLATFORM).findOne(NatsUser, { publicKey, purpose: 'leaf' });
    if (!user?.edgeSiteId || !user.generation) return undefined;
    return { tenantId: user.tenantId, edgeSiteId: user.edgeSiteId, generation: user.generation };
  }

  /**
   * Whose links these are, by account and server name: the hub does not list users. Where two generations of a site may
   * connect, the older one is taken to be the one that did: taking it for the newer would revoke it.
   */
  async ofLinks(links: readonly Link[], at: Date): Promise<PresentLeaf[]> {
    const em = this.database.em(PLATFORM);
    const publicKey = [...new Set(links.map(({ account }) => account))];
    const accounts = await em.find(NatsAccount, { publicKey }, { fields: ['publicKey', 'tenantId'] });
    const tenantOf = new Map(accounts.map(({ publicKey, tenantId }) => [publicKey, tenantId]));

    const slugs = [...new Set(links.flatMap((link) => slugOf(link) ?? []))];
    const sites = await em.find(EdgeSite, { tenantId: [...tenantOf.values()], slug: slugs }, { fields: ['id', 'tenantId', 'slug'] });
    const siteOf = new Map(sites.map(({ id, tenantId, slug }) => [`${tenantId}/${slug}`, id]));

    const users = await em.find(
      NatsUser,
      { edgeSiteId: [...siteOf.values()], purpose: 'leaf', status: 'issued' },
      { fields: ['edgeSiteId', 'generation'], orderBy: { generation: 'desc' } },
    );
    const oldestOf = new Map(users.map(({ edgeSiteId, generation }) => [edgeSiteId, generation]));
    const newestOf = new Map(users.toReversed().map(({ edgeSiteId, generation }) => [edgeSiteId, generation]));

    return links.flatMap((link) => {
      const tenantId = tenantOf.get(link.account);
      const edgeSiteId = siteOf.get(`${tenantId}/${slugOf(link)}`);
      const generation = edgeSiteId && oldestOf.get(edgeSiteId);
      if (!tenantId || !edgeSiteId || !generation) return [];
      const guessed = generation !== newestOf.get(edgeSiteId);
      return [{ tenantId, edgeSiteId, generation, guessed, linkId: link.linkId ?? unnumbered(`${link.hubServerId}:`), at }];
    });
  }
}

/** A leaf's server is called `nats-<slug>`. */
const slugOf = ({ serverName }: Link): string | undefined => /^nats-(.+)$/.exec(serverName ?? '')?.[1];
