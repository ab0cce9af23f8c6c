import { Module } from '@nestjs/common';
import { CollectorsModule } from '../collectors/index.js';
import { EdgeSitesModule } from '../edge-sites/index.js';
import { LeafAccountsModule } from '../leaf-accounts/index.js';
import { NatsModule } from '../nats/index.js';
import { DatabaseUrls } from '../platform/database/index.js';
import { Watches } from '../platform/watches.js';
import { CollectorWatch } from './collector-watch.js';
import { HubMonitor } from './hub-monitor.js';
import { Leadership } from './leadership.js';
import { LeafDirectory } from './leaf-directory.js';
import { MonitorMetrics } from './monitor-metrics.js';

@Module({
  imports: [NatsModule, EdgeSitesModule, LeafAccountsModule, CollectorsModule],
  providers: [
    HubMonitor,
    LeafDirectory,
    CollectorWatch,
    MonitorMetrics,
    Watches,
    { provide: Leadership, useFactory: ({ serviceUrl }: DatabaseUrls) => new Leadership(serviceUrl), inject: [DatabaseUrls] },
  ],
})
export class MonitorModule {}
