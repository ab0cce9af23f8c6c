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
}
