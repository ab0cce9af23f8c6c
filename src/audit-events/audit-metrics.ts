import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { Metrics } from '../platform/metrics/index.js';

const GAUGES = {
  audit_unsealed_rows: 'Audit rows that wait for their seal.',
  audit_unsealed_oldest_age_seconds: 'Age of the oldest of these; 0 when there are none. Workers seal once a second: minutes mean that none does.',
};

const UNSEALED = 'select count(*)::integer as rows, min(at) as oldest from audit_unsealed';

/** Tells Prometheus whether audit rows are sealed. With the API, so that it is seen when no worker runs. */
@Injectable()
export class AuditMetrics implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges(GAUGES, [], async (gauges) => {
      const [unsealed] = await this.database.statement<{ rows: number; oldest: Date | null }>(PLATFORM, UNSEALED, []);
      const { rows, oldest } = unsealed!;
      gauges.audit_unsealed_rows.set(rows);
      gauges.audit_unsealed_oldest_age_seconds.set(oldest === null ? 0 : Math.max(0, (this.clock.now().getTime() - new Date(oldest).getTime()) / 1000));
    });
  }
}
