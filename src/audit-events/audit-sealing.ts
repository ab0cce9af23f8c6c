import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { formatAnchor, PLATFORM_CHAIN } from '../platform/audit/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';

const INTERVAL = 1_000;

/** Rows that are sealed in one transaction. */
const BATCH = 1_000;

/** How often the ends of chains that have grown are logged, in milliseconds. */
const ANCHOR_INTERVAL = 10 * 60_000;

const HEADS = `
  select chains.id as chain, newest.sequence::integer as sequence, encode(newest.hash, 'hex') as hash
    from (select id from tenants union all select ?::uuid) as chains,
         lateral (select sequence, hash from audit_seals where chain = chains.id order by sequence desc limit 1) as newest`;

/** Seals audit rows soon after they are written, and says in the log where the chains end: what left the database cannot be changed in it. */
@Injectable()
export class AuditSealing extends SweepService {
  readonly #logged = new Map<string, number>();
  #loggedAt = -Infinity;

  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    while ((await this.seal()) === BATCH);
    const now = this.clock.now().getTime();
    if (now - this.#loggedAt < ANCHOR_INTERVAL) return;
    await this.logAnchors();
    this.#loggedAt = now;
  }

  /** @returns how many were sealed; none while another worker does it */
  private async seal(): Promise<number> {
    const [row] = await this.database.statement<{ sealed: number }>(PLATFORM, 'select seal_audit_events(?) as sealed', [BATCH]);
    return row!.sealed;
  }

  private async logAnchors(): Promise<void> {
    const heads = await this.database.statement<{ chain: string; sequence: number; hash: string }>(PLATFORM, HEADS, [PLATFORM_CHAIN]);
    for (const head of heads) {
      if (this.#logged.get(head.chain) === head.sequence) continue;
      this.logger.log({ anchor: formatAnchor(head) }, 'the audit trail was sealed up to here');
      this.#logged.set(head.chain, head.sequence);
    }
  }
}
