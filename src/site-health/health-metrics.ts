import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HEALTH_STATES } from '#libs/health';
import { Metrics } from '../platform/metrics/index.js';
import { SiteHealth } from './site-health.service.js';

/** Tells Prometheus how the sites of all tenants are doing. */
@Injectable()
export class HealthMetrics implements OnModuleInit {
  constructor(
    private readonly health: SiteHealth,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges({ sites_health: 'Sites by how they are doing.' }, ['state'], async ({ sites_health }) => {
      const counts = await this.health.count();
      for (const state of HEALTH_STATES) sites_health.set({ state }, counts.get(state) ?? 0);
    });
  }
}
