import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { OnboardingPackage } from '#libs/model';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';
import { OnboardingPackagesService } from './onboarding-packages.service.js';

const INTERVAL = 5_000;
const BATCH = 200;

/** Closes packages that nobody has activated in time. */
@Injectable()
export class OnboardingSweep extends SweepService {
  constructor(
    private readonly database: Database,
    private readonly packages: OnboardingPackagesService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  /** What is left over is seen to by the next run. */
  async run(): Promise<void> {
    const where = { status: ['issued' as const, 'delivered' as const], expiresAt: { $lte: this.clock.now() } };
    const options = { fields: ['id', 'tenantId'] as const, orderBy: { expiresAt: 'asc' as const }, limit: BATCH };
    const over = await this.database.em(PLATFORM).find(OnboardingPackage, where, options);
    for (const { id, tenantId } of over) await this.packages.expire(systemCaller('onboarding', tenantId), id);
  }
}
