import { Injectable } from '@nestjs/common';
import { Database, PLATFORM } from './database/index.js';

/** What is watched: the hub by the monitor, sites by whoever evaluates alerts. */
export type WatchName = 'hub' | 'alerts';

/** Seconds without a look after which the hub is not watched: the monitor compares every 30. */
export const HUB_GAP = 90;

/** What is watched has been for as long as this, and was looked at last then. */
export interface Watch {
  watchedSince: Date;
  seenAt: Date;
}

/** Statements hand on times as the driver got them. */
type Row = Record<keyof Watch, string>;

const toWatch = ({ watchedSince, seenAt }: Row): Watch => ({ watchedSince: new Date(watchedSince), seenAt: new Date(seenAt) });

const SEEN = `
  insert into watches as w (name, watched_since, seen_at) values (?, ?, ?)
  on conflict (name) do update
     set seen_at = greatest(w.seen_at, excluded.seen_at),
         watched_since = case when ? or w.seen_at < excluded.seen_at - make_interval(secs => ?) then excluded.seen_at else w.watched_since end
  returning watched_since as "watchedSince", seen_at as "seenAt"`;

/** Who has looked at what without a gap, over all processes and their restarts: what happened in a gap is no news when it is noticed. */
@Injectable()
export class Watches {
  constructor(private readonly database: Database) {}

  /**
   * Notes that it is being looked at.
   * @param most seconds between two looks that are no gap
   * @param options.afterGap whether there was one in any case
   */
  async seen(name: WatchName, at: Date, most: number, { afterGap = false } = {}): Promise<Watch> {
    const [watch] = await this.database.statement<Row>(PLATFORM, SEEN, [name, at, at, afterGap, most]);
    return toWatch(watch!);
  }

  /** @returns undefined when nobody has ever looked */
  async of(name: WatchName): Promise<Watch | undefined> {
    const sql = 'select watched_since as "watchedSince", seen_at as "seenAt" from watches where name = ?';
    const [watch] = await this.database.statement<Row>(PLATFORM, sql, [name]);
    return watch && toWatch(watch);
  }
}
