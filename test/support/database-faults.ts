import type { TestDatabase } from './database.js';

/** Ends all connections of others to the database, in the middle of whatever they do. @returns how many */
export const endConnections = (database: TestDatabase): Promise<number> =>
  database.asSuperuser(async (client) => {
    const others = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
    return (await client.query(others)).rowCount ?? 0;
  });

/**
 * Lets something happen in PostgreSQL, to the connection and within the transaction that writes an audit row of an action, while some work is done.
 * @param statement of PL/pgSQL; runs with a superuser's rights
 */
export async function whenRecording(database: TestDatabase, action: string, statement: string, work: () => Promise<unknown>): Promise<void> {
  await database.asSuperuser((client) =>
    client.query(`
      create function fault() returns trigger language plpgsql security definer as $$ begin ${statement}; return new; end $$;
      create trigger fault before insert on audit_events for each row when (new.action = '${action}') execute function fault()`),
  );
  try {
    await work();
  } finally {
    await database.asSuperuser((client) => client.query('drop function fault cascade'));
  }
}

/** Takes the right to write from all sessions while some work is done, as a standby has none. */
export async function whileReadOnly(database: TestDatabase, work: () => Promise<unknown>): Promise<void> {
  const become = async (value: string) => {
    await asWriter(database, `do $$ begin execute format('alter database %I set default_transaction_read_only = ${value}', current_database()); end $$`);
    // Sessions are given it when they begin.
    await endConnections(database);
  };
  await become('on');
  try {
    await work();
  } finally {
    await become('off');
  }
}

/** Runs a statement as a superuser, who may write all the same. */
export const asWriter = (database: TestDatabase, statement: string): Promise<unknown> =>
  database.asSuperuser(async (client) => {
    await client.query('set default_transaction_read_only = off');
    await client.query(statement);
  });

/** What is on record: a hash of the rows of each table, without those that the service keeps for itself. */
export const recordOf = (database: TestDatabase): Promise<Record<string, string>> =>
  database.asSuperuser(async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select tablename as name from pg_tables where schemaname = 'public' and tablename not in ('api_keys', 'audit_seals', 'audit_unsealed')`,
    );
    const record: Record<string, string> = {};
    for (const { name } of tables) {
      const { rows } = await client.query<{ hash: string }>(`select count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' order by t::text)), '') as hash from ${name} t`);
      record[name] = rows[0]!.hash;
    }
    return record;
  });
