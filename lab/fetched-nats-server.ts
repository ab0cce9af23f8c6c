import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** The nats-server that was asked for, or that a command of the project fetched. Ends the process, with what to do, when there is none. */
export function fetchedNatsServer(): string {
  const path = resolve(process.env.NATS_SERVER || '.cache/nats-server/latest/usr/sbin/nats-server');
  if (existsSync(path)) return path;
  process.stderr.write(`There is no nats-server at ${path}. Run scripts/nats-server.sh, or set NATS_SERVER.\n`);
  process.exit(1);
}
