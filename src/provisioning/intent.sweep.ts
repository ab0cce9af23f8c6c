import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { CredentialService } from '../nats/index.js';
import { CertificateService } from '../pki/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';

const INTERVAL = 60_000;

/** Milliseconds after which nobody is at work on an intent any more. Requests and runs take seconds; one that does not finds its intent closed. */
const FORGOTTEN_AFTER = 10 * 60 * 1000;

/**
 * Closes what was going to be signed for somebody who does not come back for it: a request during which the process died, a package that
 * failed for good. Open, it would count as something good that its CA or signing key has signed.
 */
@Injectable()
export class IntentSweep extends SweepService {
  constructor(
    private readonly database: Database,
    private readonly certificates: CertificateService,
    private readonly credentials: CredentialService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    const before = new Date(this.clock.now().getTime() - FORGOTTEN_AFTER);
    for (const service of [this.certificates, this.credentials]) {
      while ((await this.database.transaction(PLATFORM, (em) => service.abandonForgotten(em, before))) > 0);
    }
  }
}
