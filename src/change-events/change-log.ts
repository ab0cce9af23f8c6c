import { Injectable } from '@nestjs/common';
import type { HealthState } from '#libs/health';
import { Database, PLATFORM, type Scope } from '../platform/database/index.js';
import { SiteHealth } from '../site-health/index.js';
import type { Change } from './change.js';
import { beginningOf, isAfter, laterOf, type Position } from './position.js';

/** Changes that are read at once. */
export const PAGE = 500;

/** What has changed after a position. */
export interface LoggedChanges {
  changes: Change[];
  /** Up to where these are all; whatever is told later stands after it. */
  end: Position;
  /** Whether there may be more, as only so many are read at once. */
  more: boolean;
  /** Whether there are changes that cannot be told yet, as a transaction is under way that may have changed something before them. */
  pending: boolean;
  /** Whether changes after the position were removed, or it is none of this database's. */
  gone: boolean;
}

interface Row {
  horizon: string;
  next: string;
  pending: boolean;
  swept_xid: string | null;
  swept_seq: string | null;
  xid: string | null;
  seq: string;
  tenantId: string;
  kind: Change['kind'];
  change: Change['change'];
  subjectId: string;
  edgeSiteId: string | null;
  siteLabels: Record<string, string> | null;
  at: string;
}

/**
 * Transactions commit in any order. Those before the horizon have all ended, and what they changed is visible: nothing can come in between any
 * more. What is swept counts unless it is of a time before the database was restored elsewhere, where transactions are counted anew.
 */
const READ = (ofTenant: string) => `
  select pg_snapshot_xmin(snapshot)::text as horizon, pg_snapshot_xmax(snapshot)::text as next,
         exists (select from change_events where xid >= pg_snapshot_xmin(snapshot) and xid < pg_snapshot_xmax(snapshot)) as pending,
         swept.xid::text as swept_xid, swept.seq::text as swept_seq, told.*
    from (select pg_current_snapshot() as snapshot) now
    left join change_events_swept swept on swept.xid < pg_snapshot_xmax(snapshot)
    left join lateral (
      select xid::text as xid, seq::text as seq, tenant_id as "tenantId", kind, change, subject_id as "subjectId", edge_site_id as "edgeSiteId",
             site_labels as "siteLabels", at
        from change_events
       where (xid, seq) > (?::xid8, ?::bigint) and xid < pg_snapshot_xmin(snapshot) ${ofTenant}
       order by change_events.xid, change_events.seq
       limit ?) told on true`;

const STATUSES = ['edge_sites', 'nats_leaf_servers', 'collector_packages', 'onboarding_packages', 'alerts']
  .map((table) => `select id, status from ${table} where id in (?)`)
  .join(' union all ');

/** What has changed, as it is on record. */
@Injectable()
export class ChangeLog {
  constructor(
    private readonly database: Database,
    private readonly health: SiteHealth,
  ) {}

  /** What stands after a position, all tenants’. */
  readAll(after: Position): Promise<LoggedChanges> {
    return this.read(PLATFORM, after);
  }

  /** What stands after a position in a tenant. */
  readOf(tenantId: string, after: Position): Promise<LoggedChanges> {
    return this.read({ tenantId }, after);
  }

  /** From where on changes stand that are not known by now, whenever their transactions began. */
  async end(): Promise<Position> {
    const [row] = await this.database.statement<{ horizon: string }>(PLATFORM, 'select pg_snapshot_xmin(pg_current_snapshot())::text as horizon', []);
    return beginningOf(BigInt(row!.horizon));
  }

  private async read(scope: Scope, after: Position): Promise<LoggedChanges> {
    const ofTenant = scope === PLATFORM ? [] : [(scope as { tenantId: string }).tenantId];
    const values = [String(after.xid), String(after.seq), ...ofTenant, PAGE];
    const rows = await this.database.statement<Row>(scope, READ(ofTenant.length > 0 ? 'and tenant_id = ?' : ''), values);
    const { horizon, next, pending, swept_xid, swept_seq } = rows[0]!;
    const swept = swept_xid !== null && swept_seq !== null && { xid: BigInt(swept_xid), seq: BigInt(swept_seq) };
    const changes = rows.flatMap(changesOf);
    const more = changes.length === PAGE;
    return {
      changes: await this.asTheyAre(scope, changes),
      end: more ? changes.at(-1)!.position : laterOf(after, beginningOf(BigInt(horizon))),
      more,
      pending,
      gone: (swept && isAfter(swept, after)) || after.xid > BigInt(next),
    };
  }

  /** With how their subjects are now. */
  private async asTheyAre(scope: Scope, changes: Change[]): Promise<Change[]> {
    if (changes.length === 0) return changes;
    const ids = [...new Set(changes.map(({ subjectId }) => subjectId))];
    const statuses = await this.database.statement<{ id: string; status: string }>(scope, STATUSES, [ids, ids, ids, ids, ids]);
    const statusOf = new Map(statuses.map(({ id, status }) => [id, status]));
    const healthOf = await this.healthOf(scope, changes);
    return changes.map((change) => ({
      ...change,
      status: statusOf.get(change.subjectId) ?? null,
      health: change.edgeSiteId === null ? null : (healthOf.get(change.edgeSiteId) ?? null),
    }));
  }

  private async healthOf(scope: Scope, changes: readonly Change[]): Promise<Map<string, HealthState>> {
    const sites = [...new Set(changes.flatMap(({ edgeSiteId }) => edgeSiteId ?? []))];
    const found = await this.health.healthOf(this.database.em(scope), sites);
    return new Map([...found].map(([id, { state }]) => [id, state]));
  }
}

function changesOf({ xid, seq, tenantId, kind, change, subjectId, edgeSiteId, siteLabels, at }: Row): Change[] {
  if (xid === null) return [];
  const position = { xid: BigInt(xid), seq: BigInt(seq) };
  return [{ position, tenantId, kind, change, subjectId, edgeSiteId, siteLabels, at: new Date(at), status: null, health: null }];
}
