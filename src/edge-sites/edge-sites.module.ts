import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { NatsModule } from '../nats/index.js';
import { PkiModule } from '../pki/index.js';
import { SiteHealthModule } from '../site-health/index.js';
import { StreamsModule } from '../streams/index.js';
import { EdgeSitesController } from './edge-sites.controller.js';
import { EdgeSitesService } from './edge-sites.service.js';
import { LeafConnectionsController } from './leaf-connections.controller.js';
import { LeafConnections } from './leaf-connections.service.js';
import { LeafGenerations } from './leaf-generations.service.js';
import { LeafPresence } from './leaf-presence.service.js';
import { PROVISIONING_QUEUE, ProvisioningQueue } from './provisioning-queue.js';
import { SiteMetrics } from './site-metrics.js';
import { SiteDependents } from './site-dependents.js';
import { SiteReports } from './site-reports.js';

@Module({
  imports: [PkiModule, NatsModule, SiteHealthModule, StreamsModule, BullModule.registerQueue({ name: PROVISIONING_QUEUE })],
  controllers: [EdgeSitesController, LeafConnectionsController],
  providers: [EdgeSitesService, LeafConnections, LeafGenerations, LeafPresence, ProvisioningQueue, SiteDependents, SiteMetrics, SiteReports],
  exports: [EdgeSitesService, LeafGenerations, LeafPresence, ProvisioningQueue, SiteDependents, SiteReports],
})
export class EdgeSitesModule {}
