import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, PLATFORM } from '../platform/database/index.js';
import { Metrics } from '../platform/metrics/index.js';

const OPEN = `
  select t.slug as "tenant", a.severity, a.status, count(*)::integer as "count"
    from alerts a join tenants t on t.id = a.tenant_id where a.status <> 'resolved' group by 1, 2, 3`;

const DELIVERIES = `
  select t.slug as "tenant", count(*) filter (where d.status = 'pending')::integer as "pending", count(*) filter (where d.status = 'failed')::integer as "failed"
    from alert_deliveries d join tenants t on t.id = d.tenant_id group by 1`;

const CHANNELS = `
  select t.slug as "tenant", count(*)::integer as "failing"
    from alert_channels c join tenants t on t.id = c.tenant_id where c.failing_since is not null group by 1`;

/** Tells Prometheus of alerts, and of messages that do not arrive. */
@Injectable()
export class AlertMetrics implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges({ alerts: 'Alerts that are not resolved.' }, ['tenant', 'severity', 'status'], async ({ alerts }) => {
      for (const { count, ...labels } of await this.read<{ tenant: string; severity: string; status: string; count: number }>(OPEN)) alerts.set(labels, count);
    });
    const gauges = {
      alert_deliveries_pending: 'Messages about alerts that are yet to be sent.',
      alert_deliveries_failed: 'Messages about alerts of the last 90 days that were given up.',
      alert_channels_failing: 'Channels whose last message did not arrive.',
    };
    this.metrics.gauges(gauges, ['tenant'], async ({ alert_deliveries_pending: pending, alert_deliveries_failed: failed, alert_channels_failing: failing }) => {
      for (const row of await this.read<{ tenant: string; pending: number; failed: number }>(DELIVERIES)) {
        pending.set({ tenant: row.tenant }, row.pending);
        failed.set({ tenant: row.tenant }, row.failed);
      }
      for (const row of await this.read<{ tenant: string; failing: number }>(CHANNELS)) failing.set({ tenant: row.tenant }, row.failing);
    });
  }

  private read<Row>(sql: string): Promise<Row[]> {
    return this.database.statement<Row>(PLATFORM, sql, []);
  }
}
