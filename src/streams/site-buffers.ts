import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, newId, type Random } from '#libs/kernel';
import { SiteBuffer } from '#libs/model';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em } from '../platform/database/index.js';
import { Streams } from './streams-queue.js';

/** How long a worker may take to measure, in milliseconds: a leaf's answer, and a source that is waited for. */
const PATIENCE = 8_000;

const INTERVAL = 50;

/** What is on record of what waits at leaves. */
@Injectable()
export class SiteBuffers {
  constructor(
    private readonly database: Database,
    private readonly streams: Streams,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** @returns undefined when the site's leaf was never measured */
  async ofSite(em: Em, edgeSiteId: string): Promise<SiteBuffer | undefined> {
    return (await em.findOne(SiteBuffer, { edgeSiteId })) ?? undefined;
  }

  /** Has a worker measure, from now on, and waits for it. @returns undefined when it could not, or there is none */
  async measured(tenantId: string, edgeSiteId: string): Promise<SiteBuffer | undefined> {
    const requestId = newId(this.clock, this.random);
    await this.streams.requestMeasure({ tenantId, edgeSiteId, requestId });
    for (const until = performance.now() + PATIENCE; performance.now() < until; await delay(INTERVAL)) {
      const buffer = await this.database.em({ tenantId }).findOne(SiteBuffer, { edgeSiteId, requestId });
      if (buffer !== null) return buffer;
    }
    return undefined;
  }
}
