import { Injectable } from '@nestjs/common';
import { grouped } from '#libs/kernel';
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

/** A control link that has begun or ended. */
export type ControlChange = ControlLink & { type: 'connected' | 'disconnected' };

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

  /**
   * The end of a link that another one has replaced already changes nothing.
   * @param changes of leaves of one tenant, in their order; many cost little more than one
   */
  async record(tenantId: string, changes: readonly ControlChange[]): Promise<void> {
    if (changes.length === 0) return;
    const begun = new Map<string, ControlChange>();
    for (const change of changes) {
      if (change.type === 'connected') begun.set(change.edgeSiteId, change);
      else if (begun.get(change.edgeSiteId)?.linkId === change.linkId) begun.delete(change.edgeSiteId);
    }
    const ended = changes.filter(({ type }) => type === 'disconnected');
    await this.database.transaction({ tenantId }, async (em) => {
      if (ended.length > 0) {
        const links = ended.map(({ edgeSiteId, linkId }) => ({ edgeSiteId, linkId: [linkId, unnumbered(linkId)] }));
        await em.nativeDelete(LeafControlLink, { $or: links });
      }
      // A site that is gone may come for as long as the hub has not heard of that.
      const sites = await em.find(EdgeSite, { id: [...begun.keys()] }, { fields: ['id'] });
      const rows = sites.map(({ id }) => begun.get(id)!).map(({ edgeSiteId, linkId, at }) => ({ edgeSiteId, tenantId, linkId, accountRevision: null, connectedAt: at }));
      if (rows.length > 0) await em.upsertMany(LeafControlLink, rows);
    });
    if (begun.size > 0) await this.leafAccounts.request(tenantId);
  }

  /**
   * @param links all control links that there are now
   * @param afterGap links may have come unseen: one that the hub does not number counts as new
   */
  async reconcile(links: readonly ControlLink[], { afterGap, now }: { afterGap: boolean; now: Date }): Promise<void> {
    const known = await this.database.em(PLATFORM).find(LeafControlLink, {});
    const recorded = new Map(known.map(({ edgeSiteId, linkId }) => [edgeSiteId, linkId]));
    const present = new Set(links.map(({ edgeSiteId }) => edgeSiteId));
    const changes: ControlChange[] = [
      ...links.filter(({ edgeSiteId, linkId }) => !isRecorded(recorded.get(edgeSiteId), linkId, afterGap)).map((link) => ({ ...link, type: 'connected' as const })),
      ...known
        .filter(({ edgeSiteId }) => !present.has(edgeSiteId))
        .map(({ tenantId, edgeSiteId, linkId }) => ({ type: 'disconnected' as const, tenantId, edgeSiteId, linkId, at: now })),
    ];
    for (const [tenantId, ofTenant] of grouped(changes, ({ tenantId }) => tenantId)) await this.record(tenantId, ofTenant);
  }
}

/** A hub of 2.10 does not number the links that it lists: one of the same server is taken for the one on record, unless that may have ended. */
function isRecorded(recorded: string | undefined, linkId: string, afterGap: boolean): boolean {
  if (recorded === undefined) return false;
  return linkId === unnumbered(linkId) ? !afterGap && unnumbered(recorded) === linkId : recorded === linkId;
}
