import { Module } from '@nestjs/common';
import { AuditEventsController } from './audit-events.controller.js';
import { AuditEventsService } from './audit-events.service.js';
import { AuditMetrics } from './audit-metrics.js';
import { AuditSealing } from './audit-sealing.js';

@Module({ controllers: [AuditEventsController], providers: [AuditEventsService, AuditMetrics] })
export class AuditEventsModule {}

/** What seals audit rows: for the role `worker`. */
@Module({ providers: [AuditSealing] })
export class AuditSealingModule {}
