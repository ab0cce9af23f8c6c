import { Global, Module } from '@nestjs/common';
import { HttpMetrics } from './http-metrics.js';
import { Metrics } from './metrics.js';
import { MetricsServer } from './metrics-server.js';

/** Global, so that every part can tell what it knows. */
@Global()
@Module({ providers: [Metrics, MetricsServer, HttpMetrics], exports: [Metrics] })
export class MetricsModule {}
