import { DomainError } from '#libs/kernel';
import { type Database, PLATFORM } from '../database/index.js';
import { afterRunning } from '../running-time.js';
import type { Lease, Limit } from './leased-allowances.js';

/** Milliseconds that a call waits for a lease. It should be one; what else the call needs of the database will say what is wrong with that. */
const PATIENCE = 1_000;

/** A window whose time is over begins anew. `used` may go beyond the limit: what was asked for and not granted is in it, too. */
const TAKE = `
  insert into rate_limits as r (bucket, used, ends_at) values (?, ?, now() + make_interval(secs => ?))
  on conflict (bucket) do update
     set used = case when r.ends_at <= now() then excluded.used else r.used + excluded.used end,
         ends_at = case when r.ends_at <= now() then excluded.ends_at else r.ends_at end
  returning used::float8 as used, extract(epoch from ends_at - now())::float8 as "endsIn"`;

/** Leases parts of the allowances that all processes share, by one statement each. */
export class SharedAllowances {
  constructor(private readonly database: Database) {}

  async take(name: string, asked: number, { calls, window }: Limit): Promise<Lease> {
    const [row] = await inTime(this.database.statement<{ used: number; endsIn: number }>(PLATFORM, TAKE, [name, asked, window]));
    const { used, endsIn } = row!;
    const before = used - asked;
    return { granted: Math.max(0, Math.min(asked, calls - before)), left: Math.max(0, calls - used), endsIn };
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let callOff: () => void;
  const over = new Promise<never>((_resolve, reject) => {
    callOff = afterRunning(PATIENCE, () => reject(new DomainError('unavailable', 'The database does not answer in time.')));
  });
  // It may fail when nobody waits any more.
  work.catch(() => undefined);
  return Promise.race([work, over]).finally(() => callOff());
}
