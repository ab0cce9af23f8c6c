import { Client } from 'pg';

/** Any number, as long as every version of the service uses the same: it names the lock of the hub monitor's leader. */
export const MONITOR_LOCK = 7_202_611_241;

/** A leader that lost its power is found to be gone within half a minute, and another takes over. */
const KEEPALIVES = '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3';

/**
 * Who is the one that monitors. PostgreSQL keeps the lock for as long as the leader's connection lives, and gives it up when
 * that ends, however it ends.
 */
export class Leadership {
  #client: Client | undefined;

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
    client.on('end', () => {
      if (this.#client !== client) return;
      this.#client = undefined;
      onLost();
    });
    return true;
  }

  async release(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }
}

async function lock(client: Client): Promise<boolean> {
  await client.connect();
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [MONITOR_LOCK]);
  return rows[0]?.held === true;
}
