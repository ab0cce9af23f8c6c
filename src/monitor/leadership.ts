import { Client } from 'pg';

/** Any number, as long as every version of the service uses the same: it names the lock of the hub monitor's leader. */
export const MONITOR_LOCK = 7_202_611_241;

/** How often the leader is to say that it is alive, in milliseconds. */
const ALIVE_INTERVAL = 2_000;

/** A leader that has said nothing for so long leads no more, in milliseconds. */
const SILENCE = 6_000;

/** A server that lost the leader's host notices within so many seconds. */
const KEEPALIVES = '-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=2';

/** The session that holds the lock, if it is silent. A process that hangs or is stopped keeps its connection, and its kernel answers for it. */
const DEPOSE = `
  select pg_terminate_backend(activity.pid)
    from pg_locks join pg_stat_activity activity using (pid)
   where locktype = 'advisory' and granted and objsubid = 1 and (classid::bigint << 32 | objid::bigint) = $1
     and pg_locks.database = (select oid from pg_database where datname = current_database())
     and activity.state_change < clock_timestamp() - make_interval(secs => $2)`;

/**
 * Who is the one that monitors. PostgreSQL keeps the lock for as long as the leader's connection lives, and gives it up when that ends,
 * however it ends. The leader says that it is alive by asking something over that connection; others end the connection of one that does not.
 */
export class Leadership {
  #client: Client | undefined;
  #alive: NodeJS.Timeout | undefined;

  constructor(private readonly databaseUrl: string) {}

  get held(): boolean {
    return this.#client !== undefined;
  }

  /** @returns whether this process leads now; `onLost` is called when the connection, and with it the lock, is gone */
  async take(onLost: () => void): Promise<boolean> {
    if (this.held) return true;
    const client = new Client({ connectionString: this.databaseUrl, keepAlive: true, options: KEEPALIVES, connectionTimeoutMillis: 3_000 });
    client.on('error', () => undefined);
    const leads = await lock(client).catch(async (error: unknown) => {
      await client.end();
      throw error;
    });
    if (!leads) {
      await client.end();
      return false;
    }
    this.#client = client;
    // What fails ends the connection, and says so there.
    this.#alive = setInterval(() => void client.query('select').catch(() => undefined), ALIVE_INTERVAL).unref();
    client.on('end', () => {
      if (this.#client !== client) return;
      this.drop();
      onLost();
    });
    return true;
  }

  async release(): Promise<void> {
    const client = this.#client;
    this.drop();
    await client?.end();
  }

  private drop(): void {
    clearInterval(this.#alive);
    this.#client = undefined;
  }
}

async function lock(client: Client): Promise<boolean> {
  await client.connect();
  if (await locked(client)) return true;
  const { rowCount } = await client.query(DEPOSE, [MONITOR_LOCK, SILENCE / 1000]);
  return rowCount! > 0 && locked(client);
}

async function locked(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [MONITOR_LOCK]);
  return rows[0]?.held === true;
}
