import { Injectable } from '@nestjs/common';
import { Database, PLATFORM } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';

/** Milliseconds. */
const INTERVAL = 60_000;

/**
 * How long changes are kept. What was removed last is remembered; a transaction that is yet to come is of a time before the database was restored
 * elsewhere.
 */
const REMOVE = `
  with gone as (delete from change_events where at < now() - interval '1 day' returning xid, seq),
       last as (select xid, seq from gone where xid < pg_snapshot_xmax(pg_current_snapshot()) order by xid desc, seq desc limit 1)
  insert into change_events_swept as known (xid, seq) select xid, seq from last
      on conflict (singleton) do update set xid = excluded.xid, seq = excluded.seq
   where (known.xid, known.seq) < (excluded.xid, excluded.seq) or known.xid >= pg_snapshot_xmax(pg_current_snapshot())`;

/** Forgets old changes. */
@Injectable()
export class ChangeEventsSweep extends SweepService {
  constructor(private readonly database: Database) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    await this.database.statement(PLATFORM, REMOVE, []);
  }
}
