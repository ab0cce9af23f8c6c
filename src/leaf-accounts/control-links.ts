import { Injectable } from '@nestjs/common';
import { EdgeSite, LeafControlLink, unnumbered } from '#libs/model';
import { Database, PLATFORM } from '../platform/database/index.js';
import { LeafAccounts } from './leaf-accounts-queue.js';

/** A leaf's connection to its tenant's control account, as the hub sees it. */
export interface ControlLink {
  tenantId: string;
  edgeSiteId: string;
  linkId: string;
  at: Date;
}

/**
 * Takes note of control links that come and go. A leaf is not told what it missed while it had none: whenever one comes, the account is
 * pushed to it. Each call can be made twice.
 */
@Injectable()
export class ControlLinks {
  constructor(
    private readonly database: Database,
    private readonly leafAccounts: LeafAccounts,
  ) {}

  async connected({ tenantId, edgeSiteId, linkId, at }: ControlLink): Promise<void> {
    const em = this.database.em({ tenantId });
    // A site that is gone may come for as long as the hub has not heard of that.
    if ((await em.count(EdgeSite, { id: edgeSiteId })) === 0) return;
    await em.upsert(LeafControlLink, { edgeSiteId, tenantId, linkId, accountRevision: null, connectedAt: at });
    await this.leafAccounts.request(tenantId);
  }

  /** The end of a link that another one has replaced already changes nothing. */
  async disconnected({ tenantId, edgeSiteId, linkId }: Omit<ControlLink, 'at'>): Promise<void> {
    await this.database.em({ tenantId }).nativeDelete(LeafControlLink, { edgeSiteId, linkId: [linkId, unnumbered(linkId)] });
  }

  /**
   * @param links all control links that there are now
   * @param afterGap links may have come unseen: one that the hub does not number counts as new
   */
  async reconcile(links: readonly ControlLink[], { afterGap }: { afterGap: boolean }): Promise<void> {
    const known = await this.database.em(PLATFORM).find(LeafControlLink, {});
    const recorded = new Map(known.map(({ edgeSiteId, linkId }) => [edgeSiteId, linkId]));
    const present = new Set(links.map(({ edgeSiteId }) => edgeSiteId));
    for (const link of links) {
      if (!isRecorded(recorded.get(link.edgeSiteId), link.linkId, afterGap)) await this.connected(link);
    }
    for (const link of known) if (!present.has(link.edgeSiteId)) await this.disconnected(link);
  }
}

/** A hub of 2.10 does not number the links that it lists: one of the same server is taken for the one on record, unless that may have ended. */
function isRecorded(recorded: string | undefined, linkId: string, afterGap: boolean): boolean {
  if (recorded === undefined) return false;
  return linkId === unnumbered(linkId) ? !afterGap && unnumbered(recorded) === linkId : recorded === linkId;
}
