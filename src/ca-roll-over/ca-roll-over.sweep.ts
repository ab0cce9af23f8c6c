import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { LeafGenerations } from '../edge-sites/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';
import { CaRollOver } from './ca-roll-over.service.js';
import { sitesOfOtherCas } from './leaves-and-cas.js';
import { BEGIN_BEFORE } from './roll-over-step.js';

const INTERVAL = 10_000;

/** Goes on with roll-overs, step by step, and asks for new generations of the leaves whose files are of other CAs than they should be. */
@Injectable()
export class CaRollOverSweep extends SweepService {
  constructor(
    private readonly database: Database,
    private readonly rollOver: CaRollOver,
    private readonly generations: LeafGenerations,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    for (const tenantId of await this.tenants()) {
      await this.attempt('a roll-over did not go on', { tenantId }, async () => {
        const caller = systemCaller('ca-roll-over', tenantId);
        while ((await this.rollOver.step(caller)) !== undefined);
        for (const site of await sitesOfOtherCas(this.database.em({ tenantId }), tenantId)) {
          await this.attempt('a leaf was not renewed', { site }, () => this.generations.renew(caller, site));
        }
      });
    }
  }

  /** One that fails keeps no other from it. */
  private async attempt(what: string, of: Record<string, string>, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn({ err: error, ...of }, `${what}; it is tried again`);
    }
  }

  /** Those whose CA is being rolled over, or is to be. */
  private async tenants(): Promise<string[]> {
    const rows = await this.database.em(PLATFORM).execute<{ tenant_id: string }[]>(
      `select distinct tenant_id from tenant_cas where status in ('next', 'retiring') or status = 'active' and not_after < ?`,
      [new Date(this.clock.now().getTime() + BEGIN_BEFORE)],
    );
    return rows.map(({ tenant_id }) => tenant_id);
  }
}
