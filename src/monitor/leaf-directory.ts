import { Injectable } from '@nestjs/common';
import { EdgeSite, NatsAccount, NatsLeafServer, NatsUser, unnumbered } from '#libs/model';
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

  /** Public keys of the accounts that have sites. */
  async accounts(): Promise<string[]> {
    const em = this.database.em(PLATFORM);
    const leaves = await em.find(NatsLeafServer, { status: { $ne: 'pending' } }, { fields: ['tenantId'] });
    const tenants = [...new Set(leaves.map(({ tenantId }) => tenantId))];
    const accounts = await em.find(NatsAccount, { tenantId: tenants }, { fields: ['publicKey'] });
    return accounts.map(({ publicKey }) => publicKey);
  }

  /**
   * Whose the links of an account are, by the server's name: the hub does not list users. Where two generations of a
   * site may connect, the older one is taken to be the one that did: taking it for the newer would revoke it.
   */
  async ofLinks(account: string, links: readonly Link[], at: Date): Promise<PresentLeaf[]> {
    const em = this.database.em(PLATFORM);
    const { tenantId } = await em.findOneOrFail(NatsAccount, { publicKey: account }, { fields: ['tenantId'] });
    const slugs = links.flatMap(({ serverName }) => (serverName?.startsWith('nats-') ? [serverName.slice('nats-'.length)] : []));
    const sites = await em.find(EdgeSite, { tenantId, slug: slugs }, { fields: ['id', 'slug'] });
    const users = await em.find(
      NatsUser,
      { edgeSiteId: sites.map(({ id }) => id), purpose: 'leaf', status: 'issued' },
      { fields: ['edgeSiteId', 'generation'], orderBy: { generation: 'desc' } },
    );
    const oldest = new Map(users.map(({ edgeSiteId, generation }) => [edgeSiteId, generation]));
    return links.flatMap((link) => {
      const site = sites.find(({ slug }) => link.serverName === `nats-${slug}`);
      const generation = site && oldest.get(site.id);
      if (!site || !generation) return [];
      return [{ tenantId, edgeSiteId: site.id, generation, linkId: link.linkId ?? unnumbered(`${link.hubServerId}:`), at }];
    });
  }
}
