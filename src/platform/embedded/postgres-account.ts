import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { DomainError } from '#libs/kernel';

/** Numbers of a user and its group. */
export interface Account {
  uid: number;
  gid: number;
}

/** Tried in this order. Debian's base system has the last. */
const CANDIDATES = ['postgres', 'nobody'];

/**
 * The account to run PostgreSQL as: undefined for our own. PostgreSQL refuses to run as root, so root hands it to another; to the
 * one that owns `existing`, if that is there.
 *
 * @throws DomainError invalid_configuration if there is nobody to hand it to
 */
export function serverAccount(existing: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(existing, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const candidate of CANDIDATES) {
    const [, , uid, gid] = users.find(([name]) => name === candidate) ?? [];
    if (uid !== undefined && gid !== undefined && Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new DomainError(
    'invalid_configuration',
    'PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody. Start as another user, or set DATABASE_URL.',
  );
}

/** Whether the account can pass through a directory, or run a file. Asked of the kernel, which knows of ACLs and mounts too. */
export function canReach(account: Account, path: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'test -x "$0"', path], { ...account, cwd: '/', env: {} }).status === 0;
}
