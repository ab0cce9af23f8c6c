import { Module } from '@nestjs/common';
import { HealthMetrics } from './health-metrics.js';
import { SiteHealth } from './site-health.service.js';

@Module({ providers: [SiteHealth, HealthMetrics], exports: [SiteHealth] })
export class SiteHealthModule {}
