import { Injectable } from '@nestjs/common';
import { EdgeSite } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import { Database } from '../platform/database/index.js';
import { type Change, KINDS } from './change.js';

/** What a caller may be told. */
@Injectable()
export class PermittedChanges {
  constructor(private readonly database: Database) {}

  /** Whoever is for some sites only is told by the labels that they have now, or had when they were deleted: one query for all changes. */
  async of(caller: Caller, changes: readonly Change[]): Promise<Change[]> {
    const isForSites = Object.keys(caller.siteLabels).length > 0;
    const labelsOf = isForSites ? await this.labels(caller, changes) : new Map<string, Record<string, string>>();
    return changes.filter(({ kind, tenantId, edgeSiteId, siteLabels }) => {
      const labels = siteLabels ?? (edgeSiteId === null ? null : labelsOf.get(edgeSiteId));
      return caller.may('read', KINDS[kind], { tenantId, siteLabels: labels ?? null });
    });
  }

  private async labels(caller: Caller, changes: readonly Change[]): Promise<Map<string, Record<string, string>>> {
    const ids = [...new Set(changes.flatMap(({ edgeSiteId }) => edgeSiteId ?? []))];
    const sites = await this.database.em(caller.tenantScope).find(EdgeSite, { id: ids }, { fields: ['id', 'labels'] });
    return new Map(sites.map(({ id, labels }) => [id, labels]));
  }
}
