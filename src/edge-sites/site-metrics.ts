import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, PLATFORM } from '../platform/database/index.js';
import { Metrics } from '../platform/metrics/index.js';
import { EDGE_SITE_STATUSES, LEAF_STATUSES } from './edge-site-status.js';

const BY_STATUS = `
  select 'sites' as what, status, count(*)::integer as number from edge_sites group by status
  union all
  select 'leaf_servers', status, count(*)::integer from nats_leaf_servers group by status`;

const TOTALS = {
  leaf_connections: 'Leaves that are connected to the hub, as the leading monitor sees it.',
  leaf_control_connections: 'Control links of leaves to the hub, by which they hear of revocations.',
  sites_drifted: 'Sites that report to run something else than what was made for them.',
  leaf_servers_failed: 'Leaves whose wanted generation could not be made, and is not tried again.',
};

const COUNTS = `
  select count(link_id)::integer as leaf_connections,
         (select count(*)::integer from leaf_control_links) as leaf_control_connections,
         count(drifted_since)::integer as sites_drifted,
         (count(*) filter (where status = 'pending' and last_error is not null))::integer as leaf_servers_failed
    from nats_leaf_servers`;

/** Tells Prometheus what is on record of all sites together. Tenants and sites are no labels here: there may be thousands. */
@Injectable()
export class SiteMetrics implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges({ sites: 'Sites by status.', leaf_servers: 'Leaves by status.' }, ['status'], async (gauges) => {
      for (const status of EDGE_SITE_STATUSES) gauges.sites.set({ status }, 0);
      for (const status of LEAF_STATUSES) gauges.leaf_servers.set({ status }, 0);
      const rows = await this.database.statement<{ what: keyof typeof gauges; status: string; number: number }>(PLATFORM, BY_STATUS, []);
      for (const { what, status, number } of rows) gauges[what].set({ status }, number);
    });
    this.metrics.gauges(TOTALS, [], async (gauges) => {
      const [counts] = await this.database.statement<Record<keyof typeof TOTALS, number>>(PLATFORM, COUNTS, []);
      for (const [name, number] of Object.entries(counts!)) gauges[name as keyof typeof TOTALS].set(number);
    });
  }
}
