import type { Client } from 'pg';
import { until } from './until.js';

/** An advisory lock that nobody else uses. */
const LOCK = 4_242;

/** Holds up the service where it writes an audit row of an action: whatever is written together with that is not yet on record. */
export class Gate {
  private constructor(private readonly database: Client) {}

  /**
   * Only once for a database.
   * @param database a superuser's connection to it, which has the gate until it ends
   * @param options.after how many rows are let through first
   */
  static async close(database: Client, action: string, { after = 0 } = {}): Promise<Gate> {
    // The service gives up waiting for a lock after five seconds; here it has its limit for statements.
    await database.query(`
      create sequence gate_passed;
      create function gate() returns trigger language plpgsql security definer set lock_timeout = 0 as $$
      begin
        if nextval('gate_passed') > ${after} then
          perform pg_advisory_xact_lock(${LOCK});
        end if;
        return new;
      end $$;
      create trigger gate before insert on audit_events for each row when (new.action = '${action}') execute function gate();
      select pg_advisory_lock(${LOCK});`);
    return new Gate(database);
  }

  /** Waits until somebody is held up. */
  async holds(): Promise<void> {
    await until('somebody is held up at the gate', async () => {
      const { rowCount } = await this.database.query(`select from pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted`);
      return rowCount !== 0;
    });
  }

  async open(): Promise<void> {
    await this.database.query(`select pg_advisory_unlock(${LOCK})`);
  }
}
