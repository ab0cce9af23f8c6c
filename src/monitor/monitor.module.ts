import { Module } from '@nestjs/common';
import { EdgeSitesModule } from '../edge-sites/index.js';
import { LeafAccountsModule } from '../leaf-accounts/index.js';
import { NatsModule } from '../nats/index.js';
import { HubMonitor } from './hub-monitor.js';
import { LeafDirectory } from './leaf-directory.js';

@Module({ imports: [NatsModule, EdgeSitesModule, LeafAccountsModule], providers: [HubMonitor, LeafDirectory] })
export class MonitorModule {}
