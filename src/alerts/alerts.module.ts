import { Module } from '@nestjs/common';
import { NatsModule } from '../nats/index.js';
import { Watches } from '../platform/watches.js';
import { AlertChannelsController } from './alert-channels.controller.js';
import { AlertChannelsService } from './alert-channels.service.js';
import { AlertEvaluator } from './alert-evaluator.js';
import { AlertMetrics } from './alert-metrics.js';
import { AlertRulesController } from './alert-rules.controller.js';
import { AlertRulesService } from './alert-rules.service.js';
import { AlertSilencesController } from './alert-silences.controller.js';
import { AlertSilencesService } from './alert-silences.service.js';
import { AlertsController } from './alerts.controller.js';
import { AlertsService } from './alerts.service.js';
import { AlertsSweep, DeliveriesSweep, OldAlertsSweep } from './alerts.sweep.js';
import { DeliverySender } from './delivery-sender.js';

@Module({
  controllers: [AlertRulesController, AlertsController, AlertSilencesController, AlertChannelsController],
  providers: [AlertRulesService, AlertsService, AlertSilencesService, AlertChannelsService],
})
export class AlertsModule {}

/** The part of it that workers do. */
@Module({ imports: [NatsModule], providers: [Watches, AlertEvaluator, DeliverySender, AlertsSweep, DeliveriesSweep, OldAlertsSweep, AlertMetrics] })
export class AlertsWorkerModule {}
