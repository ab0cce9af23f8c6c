import { Inject, Injectable, Logger } from '@nestjs/common';
import { DomainError, forEachOf } from '#libs/kernel';
import type { Clock } from '#libs/kernel';
import { HubConnection, TenantConnections } from '../nats/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { BufferMeter } from './buffer-meter.js';
import { bufferingSites } from './wanted-streams.js';
import type { MeasureJob } from './streams-queue.js';

/** How old a measure may be, in milliseconds, and how old while messages wait. */
const MAX_AGE = 60_000;
const MAX_AGE_WAITING = 5_000;

/** Tenants that are measured at the same time: most of the time is spent waiting. */
const TENANT_CONCURRENCY = 16;

/** Sees to it that what is on record of connected leaves is not old. */
@Injectable()
export class BufferMeasurements {
  private readonly logger = new Logger(BufferMeasurements.name);

  constructor(
    private readonly database: Database,
    private readonly connections: TenantConnections,
    private readonly meter: BufferMeter,
    private readonly hub: HubConnection,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Measures a site, if it is connected, for somebody who waits for that.
   * @throws DomainError `hub_unreachable` (retryable), also when the leaf does not answer: one that has just connected is deaf for a moment
   */
  async measureFor({ tenantId, edgeSiteId, requestId }: MeasureJob): Promise<void> {
    const { silent } = await this.measure(tenantId, new Set([edgeSiteId]), requestId);
    if (silent > 0) throw new DomainError('hub_unreachable', 'The leaf of the site does not answer.', { context: { tenantId, edgeSiteId }, retryable: true });
  }

  /** Measures those of a tenant's sites that are connected. @returns how many of them did not answer, or have no stream yet */
  private async measure(tenantId: string, siteIds: ReadonlySet<string>, requestId?: string): Promise<{ silent: number }> {
    const sites = (await this.database.transaction({ tenantId }, bufferingSites)).filter(
      ({ edgeSiteId, linkId }) => linkId !== null && siteIds.has(edgeSiteId),
    );
    if (sites.length === 0) return { silent: 0 };
    const measured = await this.connections.use(tenantId, 'streams', (connection) => this.meter.measure(connection, { tenantId, sites, requestId }));
    return { silent: sites.length - measured.size };
  }

  /** Measures what has to be: leaves that have connected since, where messages wait, and whatever was measured long ago. */
  async measureDue(): Promise<void> {
    if (!this.hub.connected) return;
    await forEachOf([...(await this.due())], TENANT_CONCURRENCY, async ([tenantId, siteIds]) => {
      await this.measure(tenantId, siteIds).catch((error: unknown) => {
        this.logger.warn({ err: error, tenantId }, 'what waits at leaves was not measured; tried again');
      });
    });
  }

  /** Sites by tenant. */
  private async due(): Promise<Map<string, Set<string>>> {
    const before = (age: number) => new Date(this.clock.now().getTime() - age);
    const rows = await this.database.em(PLATFORM).execute<{ tenantId: string; edgeSiteId: string }[]>(
      `select leaf.tenant_id as "tenantId", leaf.edge_site_id as "edgeSiteId"
         from nats_leaf_servers leaf left join site_buffers buffer using (edge_site_id)
        where leaf.link_id is not null
          and (buffer.link_id is distinct from leaf.link_id or buffer.measured_at < ?
               or (buffer.waiting_messages > 0 and buffer.measured_at < ?))`,
      [before(MAX_AGE), before(MAX_AGE_WAITING)],
    );
    const sitesOf = new Map<string, Set<string>>();
    for (const { tenantId, edgeSiteId } of rows) sitesOf.set(tenantId, (sitesOf.get(tenantId) ?? new Set()).add(edgeSiteId));
    return sitesOf;
  }
}
