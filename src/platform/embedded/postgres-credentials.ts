import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Random } from '#libs/kernel';
import type { RolePasswords } from './postgres-roles.js';

/** What it takes to connect to the embedded PostgreSQL. Kept in a file that only its owner can read. */
export interface PostgresCredentials {
  port: number;
  /** Where the service dials it: the directory of its socket, or 127.0.0.1. */
  host: string;
  passwords: RolePasswords & { superuser: string };
  /** SHA-256 of the statements that made the roles; undefined until they have run. */
  prepared?: string | undefined;
}

export function newCredentials(port: number, random: Random): PostgresCredentials {
  const password = (): string => random(24).toString('base64url');
  return { port, host: '127.0.0.1', passwords: { superuser: password(), owner: password(), service: password(), jobs: password() } };
}

/** Undefined if there are none yet. */
export function readCredentials(path: string): PostgresCredentials | undefined {
  try {
    // A file of an earlier version does not say where.
    return { host: '127.0.0.1', ...(JSON.parse(readFileSync(path, 'utf8')) as Omit<PostgresCredentials, 'host'>) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeCredentials(path: string, credentials: PostgresCredentials): void {
  writeFileSync(`${path}.partial`, `${JSON.stringify(credentials, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.partial`, path);
}
