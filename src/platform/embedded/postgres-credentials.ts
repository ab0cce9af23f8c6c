import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Random } from '#libs/kernel';
import type { RolePasswords } from './postgres-roles.js';

/** What it takes to connect to the embedded PostgreSQL. Kept in a file that only its owner can read. */
export interface PostgresCredentials {
  port: number;
  passwords: RolePasswords & { superuser: string };
  /** SHA-256 of the statements that made the roles; undefined until they have run. */
  prepared?: string | undefined;
}

export function newCredentials(port: number, random: Random): PostgresCredentials {
  const password = (): string => random(24).toString('base64url');
  return { port, passwords: { superuser: password(), owner: password(), service: password(), jobs: password() } };
}

/** Undefined if there are none yet. */
export function readCredentials(path: string): PostgresCredentials | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as PostgresCredentials;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeCredentials(path: string, credentials: PostgresCredentials): void {
  writeFileSync(`${path}.partial`, `${JSON.stringify(credentials, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.partial`, path);
}
