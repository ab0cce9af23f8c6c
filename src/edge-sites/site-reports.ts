import { Inject, Injectable } from '@nestjs/common';
import { Batches, BoundedMap, type Clock } from '#libs/kernel';
import { NatsLeafServer } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database } from '../platform/database/index.js';
import { LeafGenerations } from './leaf-generations.service.js';

/** How often it is written down that a site was seen, and how often a checksum that stays the same is held against the record. Milliseconds. */
const SEEN_INTERVAL = 10_000;
const CHECKSUM_INTERVAL = 60_000;

/** Sites that are remembered. */
const SITES = 50_000;

const CHECKSUM = /^[0-9a-f]{64}$/;

/** The other processes have their own memories. */
const SEEN = `
  update edge_sites set last_seen_at = ?
   where id in (select value::uuid from json_array_elements_text(?)) and (last_seen_at is null or last_seen_at < ?)`;

/** What agents tell of sites, as often as they like: it is written down when it is news. */
@Injectable()
export class SiteReports {
  readonly #seen = new BoundedMap<string, number>(SITES);
  readonly #running = new BoundedMap<string, { checksum: string; at: number }>(SITES);
  /** Of each site one after the other. */
  readonly #notes = new Batches<{ caller: Caller; checksum: string }, undefined>(1, async (siteId, [said]) => {
    await this.note(said!.caller, siteId, said!.checksum);
    return [{ result: undefined }];
  });

  constructor(
    private readonly database: Database,
    private readonly generations: LeafGenerations,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Somebody at these sites was heard of just now. At most every 10 s a site, that is put on record. */
  async seen(tenantId: string, siteIds: readonly string[]): Promise<void> {
    const now = this.clock.now();
    const before = now.getTime() - SEEN_INTERVAL;
    const due = siteIds.filter((id) => (this.#seen.get(id) ?? -Infinity) <= before);
    if (due.length === 0) return;
    for (const id of due) this.#seen.set(id, now.getTime());
    try {
      await this.database.statement({ tenantId }, SEEN, [now.toISOString(), JSON.stringify(due.toSorted()), new Date(before).toISOString()]);
    } catch (error) {
      // The next word of them is to be put on record.
      for (const id of due) this.#seen.delete(id);
      throw error;
    }
  }

  /**
   * What the leaf of a site runs, as `LeafGenerations.reportRunning`, when that is another than it last was. What is no checksum is nothing. Of one
   * site, what is told later is written down later.
   * @throws DomainError `not_found`, `forbidden`
   */
  async running(caller: Caller, siteId: string, checksum: string): Promise<void> {
    if (!CHECKSUM.test(checksum)) return;
    await this.#notes.add(siteId, { caller, checksum });
  }

  private async note(caller: Caller, siteId: string, checksum: string): Promise<void> {
    const at = this.clock.now().getTime();
    const known = this.#running.get(siteId);
    if (known?.checksum === checksum && at - known.at < CHECKSUM_INTERVAL) return;
    const recorded = await this.database.em(caller.tenantScope).findOne(NatsLeafServer, { edgeSiteId: siteId }, { fields: ['runningChecksum'] });
    if (recorded?.runningChecksum !== checksum) await this.generations.reportRunning(caller, siteId, checksum);
    this.#running.set(siteId, { checksum, at });
  }
}
