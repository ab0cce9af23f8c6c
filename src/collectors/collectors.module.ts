import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { EdgeSitesModule } from '../edge-sites/index.js';
import { NatsModule } from '../nats/index.js';
import { PkiModule } from '../pki/index.js';
import { CollectorGenerations } from './collector-generations.service.js';
import { CollectorMetrics } from './collector-metrics.js';
import { CollectorPresence } from './collector-presence.service.js';
import { CollectorProvisioner } from './collector-provisioner.js';
import { CollectorQueue, COLLECTORS_QUEUE } from './collector-queue.js';
import { CollectorRenewalSweep } from './collector-renewal.sweep.js';
import { CollectorsController } from './collectors.controller.js';
import { CollectorsProcessor } from './collectors.processor.js';
import { CollectorsService } from './collectors.service.js';
import { CollectorsSweep } from './collectors.sweep.js';
import { NatsUrls } from './nats-urls.js';
import { SiteCollectors } from './site-collectors.js';

@Module({
  imports: [PkiModule, NatsModule, EdgeSitesModule, BullModule.registerQueue({ name: COLLECTORS_QUEUE })],
  controllers: [CollectorsController],
  providers: [CollectorsService, CollectorGenerations, CollectorMetrics, CollectorPresence, CollectorQueue, NatsUrls, SiteCollectors],
  exports: [CollectorsService, CollectorGenerations, CollectorPresence, CollectorQueue],
})
export class CollectorsModule {}

/** What provisions packages: for the role `worker`. */
@Module({
  imports: [CollectorsModule, PkiModule, NatsModule],
  providers: [CollectorProvisioner, CollectorsProcessor, CollectorsSweep, CollectorRenewalSweep],
})
export class CollectorsWorkerModule {}
