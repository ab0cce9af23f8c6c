import { Injectable, type OnModuleInit } from '@nestjs/common';
import { collectorPackageLifecycle } from '#libs/lifecycle';
import { Database, PLATFORM } from '../platform/database/index.js';
import { Metrics } from '../platform/metrics/index.js';

const BY_STATUS = 'select status, count(*)::integer as number from collector_packages group by status';

/** Tells Prometheus what is on record of all collector packages together. */
@Injectable()
export class CollectorMetrics implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges({ collector_packages: 'Collector packages by status.' }, ['status'], async ({ collector_packages }) => {
      for (const status of collectorPackageLifecycle.states) collector_packages.set({ status }, 0);
      const rows = await this.database.statement<{ status: string; number: number }>(PLATFORM, BY_STATUS, []);
      for (const { status, number } of rows) collector_packages.set({ status }, number);
    });
  }
}
