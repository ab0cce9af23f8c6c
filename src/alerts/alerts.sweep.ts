import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { Alert, AlertDelivery, AlertSilence } from '#libs/model';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';
import { AlertEvaluator } from './alert-evaluator.js';
import { DeliverySender } from './delivery-sender.js';

/** How long what is over is kept, in milliseconds. */
const KEPT_FOR = 90 * 24 * 60 * 60 * 1000;

/** Opens and resolves alerts. */
@Injectable()
export class AlertsSweep extends SweepService {
  constructor(private readonly evaluator: AlertEvaluator) {
    super(5_000);
  }

  run(): Promise<void> {
    return this.evaluator.run((err, tenantId) => this.logger.warn({ err, tenantId }, 'alerts were not evaluated; it is tried again'));
  }
}

/** Sends what is to be told. */
@Injectable()
export class DeliveriesSweep extends SweepService {
  constructor(private readonly sender: DeliverySender) {
    super(1_000);
  }

  async run(): Promise<void> {
    await this.sender.run();
  }
}

/** Forgets alerts, silences and deliveries that were over long ago. */
@Injectable()
export class OldAlertsSweep extends SweepService {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(60 * 60 * 1000);
  }

  async run(): Promise<void> {
    const before = { $lt: new Date(this.clock.now().getTime() - KEPT_FOR) };
    const em = this.database.em(PLATFORM);
    await em.nativeDelete(Alert, { status: 'resolved', resolvedAt: before });
    await em.nativeDelete(AlertDelivery, { status: ['sent', 'failed'], createdAt: before });
    await em.nativeDelete(AlertSilence, { until: before });
  }
}
