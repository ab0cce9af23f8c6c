import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { SiteBuffer } from '#libs/model';
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
  ) {}

  /** @returns undefined when the site's leaf was never measured */
  async ofSite(em: Em, edgeSiteId: string): Promise<SiteBuffer | undefined> {
    return (await em.findOne(SiteBuffer, { edgeSiteId })) ?? undefined;
  }

  /** Has a worker measure, and waits for it. @returns undefined when it could not, or there is none */
  async measured(tenantId: string, edgeSiteId: string): Promise<SiteBuffer | undefined> {
    const read = () => this.ofSite(this.database.em({ tenantId }), edgeSiteId);
    const before = await read();
    await this.streams.requestMeasure(tenantId, edgeSiteId);
    for (const until = performance.now() + PATIENCE; performance.now() < until; await delay(INTERVAL)) {
      const now = await read();
      if (now !== undefined && now.measuredAt.getTime() !== before?.measuredAt.getTime()) return now;
    }
    return undefined;
  }
}
