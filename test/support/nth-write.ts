import { Client } from 'pg';

/** Not what is issued: written beside it, by whoever asks, or by the statement that fails. */
const ASIDE = ['mikro_orm_migrations', 'api_keys', 'audit_seals', 'change_events', 'change_events_swept'];

/** What fails: a statement that writes, or the commit of a transaction that has written. */
export type Moment = 'statement' | 'commit';

/** Lets the n-th write to a database fail, whichever table it is to, or the n-th commit, with the message `injected`. Reads do not count. */
export class NthWrite {
  private constructor(private readonly owner: Client) {}

  static async install(ownerUrl: string): Promise<NthWrite> {
    const owner = new Client({ connectionString: ownerUrl });
    await owner.connect();
    await owner.query(`
      create table injected_failure (moment text, nth bigint);
      create sequence writes_of_statement;
      create sequence writes_of_commit;
      create function fail_nth_write() returns trigger language plpgsql security definer as $$
      begin
        if tg_argv[0] = 'commit' then
          if current_setting('injected.seen', true) = txid_current()::text then return null; end if;
          perform set_config('injected.seen', txid_current()::text, true);
        end if;
        if nextval('writes_of_' || tg_argv[0]) = (select nth from injected_failure where moment = tg_argv[0]) then
          raise exception 'injected';
        end if;
        return null;
      end $$`);
    const { rows } = await owner.query<{ name: string }>(
      `select tablename as name from pg_tables where schemaname = 'public' and tablename <> all ($1) and tablename <> 'injected_failure'`,
      [ASIDE],
    );
    for (const { name } of rows) {
      await owner.query(`
        create trigger fail_statement before insert or update or delete on ${name} for each statement execute function fail_nth_write('statement');
        create constraint trigger fail_commit after insert or update or delete on ${name} deferrable initially deferred
          for each row execute function fail_nth_write('commit')`);
    }
    return new NthWrite(owner);
  }

  /** @param nth from now on; the first is 1 */
  async fail(moment: Moment, nth: number): Promise<void> {
    await this.owner.query('delete from injected_failure');
    for (const sequence of ['writes_of_statement', 'writes_of_commit']) await this.owner.query('select setval($1, 1, false)', [sequence]);
    await this.owner.query('insert into injected_failure values ($1, $2)', [moment, nth]);
  }

  /** Lets all writes pass again. @returns whether there was one that failed */
  async stop(): Promise<boolean> {
    const { rows } = await this.owner.query<{ moment: Moment; nth: string }>('delete from injected_failure returning moment, nth');
    const [{ moment, nth }] = rows as [{ moment: Moment; nth: string }];
    const { rows: counted } = await this.owner.query<{ last: string; called: boolean }>(
      `select last_value as last, is_called as called from writes_of_${moment}`,
    );
    return counted[0]!.called && Number(counted[0]!.last) >= Number(nth);
  }

  async close(): Promise<void> {
    await this.owner.end();
  }
}
