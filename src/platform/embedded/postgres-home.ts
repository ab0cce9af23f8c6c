import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { type Account, canReach, serverAccount } from './postgres-account.js';

export interface PostgresHome {
  /** Absolute, without links. */
  path: string;
  /** Who owns it and runs the server; undefined for our own account. */
  account: Account | undefined;
}

/** Where root puts databases that could not be reached in their data directory. */
const STATE_DIRECTORY = '/var/lib/serviceradar-edge';

/**
 * Makes sure of `<dataDir>/postgres`, owned by the account that runs PostgreSQL. Where root's data directory lies below one that
 * others cannot pass (a clone in /root), it is a link to a folder in /var/lib.
 *
 * @throws DomainError invalid_configuration if there is no place that the account can reach
 */
export function preparePostgresHome(dataDir: string): PostgresHome {
  const home = join(dataDir, 'postgres');
  const account = serverAccount(home);
  if (!exists(home)) {
    // A link whose folder somebody has removed.
    rmSync(home, { force: true });
    if (account === undefined) mkdirSync(home, { mode: 0o700 });
    else makeReachable(home, dataDir, account);
  } else if (account !== undefined && statSync(home).uid === 0) {
    // Made by a start that was cut off before it could hand it over.
    chownSync(home, account.uid, account.gid);
  }
  return { path: realpathSync(home), account };
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined && statSync(path, { throwIfNoEntry: false }) !== undefined;

function makeReachable(home: string, dataDir: string, account: Account): void {
  chmodSync(dataDir, statSync(dataDir).mode | 0o001);
  if (canReach(account, dataDir)) {
    mkdirSync(home, { mode: 0o700 });
    chownSync(home, account.uid, account.gid);
    return;
  }
  try {
    mkdirSync(STATE_DIRECTORY, { recursive: true, mode: 0o755 });
    const elsewhere = mkdtempSync(join(STATE_DIRECTORY, 'postgres-'));
    chownSync(elsewhere, account.uid, account.gid);
    symlinkSync(elsewhere, home);
  } catch (cause) {
    throw new DomainError(
      'invalid_configuration',
      `PostgreSQL does not run as root, and other users cannot reach ${dataDir}. Set DATA_DIR to a folder that they can pass through, or DATABASE_URL.`,
      { cause },
    );
  }
}
