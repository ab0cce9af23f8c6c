import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

/** The embedded PostgreSQL of a data directory, seen by its superuser. */
export class Postgres {
  constructor(private readonly dataDir: string) {}

  /** Of the server's main process. */
  get pid(): number {
    return Number.parseInt(readFileSync(join(this.dataDir, 'postgres/data/postmaster.pid'), 'utf8'), 10);
  }

  /** A connection, which is the caller's to end. */
  async connect(): Promise<Client> {
    const { port, passwords } = JSON.parse(readFileSync(join(this.dataDir, 'postgres.json'), 'utf8')) as {
      port: number;
      passwords: { superuser: string };
    };
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', password: passwords.superuser, database: 'serviceradar' });
    // The server may end before the connection does.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** How many of the service's statements wait for a lock, as a connection sees it that may be in a transaction of its own. */
  static async waiting(client: Client): Promise<number> {
    // Within a transaction the list of sessions stays what it was when it was first looked at.
    await client.query('select pg_stat_clear_snapshot()');
    const { rows } = await client.query(`select from pg_stat_activity where usename = 'app' and wait_event_type = 'Lock'`);
    return rows.length;
  }
}
