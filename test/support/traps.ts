import { Client } from 'pg';
import { until } from '../../lab/until.js';
import type { Moment } from './nth-write.js';

/** An advisory lock that nobody else uses. */
const LOCK = 4_243;

/** What is written when something is issued. */
export const ISSUED = ['audit_events', 'certificates', 'collector_packages', 'nats_accounts', 'nats_account_keys', 'nats_leaf_servers', 'nats_users', 'onboarding_packages'];

/** What is written when an alert opens, and when it is told. */
export const ALERTED = ['alerts', 'alert_deliveries', 'alert_delivery_items', 'alert_channels'];

/** Whose writes are those across tenants. */
export const ACROSS_TENANTS = 'platform';

/** More writes than anybody makes. */
const NEVER = 1_000_000;

/** Holds up a tenant's n-th write, or its n-th commit, until it is let go: so that whoever makes it can be killed just there. */
export class Traps {
  private constructor(private readonly owner: Client) {}

  static async install(ownerUrl: string, tables: readonly string[]): Promise<Traps> {
    const owner = new Client({ connectionString: ownerUrl });
    await owner.connect();
    // The service gives up waiting for a lock after five seconds; here it has its limit for statements.
    await owner.query(`
      create table traps (tenant text, moment text, nth bigint, counter text);
      create function trap() returns trigger language plpgsql security definer set lock_timeout = 0 as $$
      declare armed traps;
      begin
        select * into armed from traps where tenant = coalesce(nullif(current_setting('app.tenant_id', true), ''), '${ACROSS_TENANTS}') and moment = tg_argv[0];
        if not found then return null; end if;
        if tg_argv[0] = 'commit' then
          if current_setting('trap.seen', true) = txid_current()::text then return null; end if;
          perform set_config('trap.seen', txid_current()::text, true);
        end if;
        if nextval(armed.counter) = armed.nth then perform pg_advisory_xact_lock_shared(${LOCK}); end if;
        return null;
      end $$`);
    for (const table of tables) {
      await owner.query(`
        create trigger trap_statement before insert or update or delete on ${table} for each statement execute function trap('statement');
        create constraint trigger trap_commit after insert or update or delete on ${table} deferrable initially deferred
          for each row execute function trap('commit')`);
    }
    await owner.query(`select pg_advisory_lock(${LOCK})`);
    return new Traps(owner);
  }

  /** @param tenantId or `ACROSS_TENANTS` @param nth the first from now on is 1; without it, all pass and are counted */
  async set(tenantId: string, moment: Moment, nth = NEVER): Promise<void> {
    const counter = `trap_${moment}_${tenantId.replaceAll('-', '')}`;
    await this.owner.query(`create sequence ${counter}`);
    await this.owner.query('insert into traps values ($1, $2, $3, $4)', [tenantId, moment, nth, counter]);
  }

  /** How many passed that were counted. */
  async counted(tenantId: string, moment: Moment): Promise<number> {
    const { rows } = await this.owner.query<{ last: string }>(`select last_value as last from trap_${moment}_${tenantId.replaceAll('-', '')}`);
    return Number(rows[0]!.last);
  }

  /** Waits until so many are held up. */
  async hold(count: number): Promise<void> {
    await until(`${count} are held up`, async () => (await this.held()).length === count);
  }

  /** Lets all go, without the traps, and waits until the database is done with what they were at. */
  async release(): Promise<void> {
    const held = await this.held();
    await this.owner.query('delete from traps');
    await this.owner.query(`select pg_advisory_unlock(${LOCK})`);
    await until('they are done', async () => {
      const { rowCount } = await this.owner.query(`select from pg_stat_activity where pid = any ($1) and state <> 'idle'`, [held]);
      return rowCount === 0;
    });
    await this.owner.query(`select pg_advisory_lock(${LOCK})`);
  }

  async close(): Promise<void> {
    await this.owner.end();
  }

  private async held(): Promise<number[]> {
    const waiting = `select pid from pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted`;
    return (await this.owner.query<{ pid: number }>(waiting)).rows.map(({ pid }) => pid);
  }
}
