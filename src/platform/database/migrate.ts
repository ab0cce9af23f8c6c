import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { entities } from '#libs/model';
import { migrations } from '../../../migrations/index.js';

/** Any number, as long as every version of the service uses the same: it names the lock that migrations run under. */
const MIGRATION_LOCK = 7_202_611_240;

/**
 * Brings the schema up to date, as the owner. Processes that start together take turns (the migrator itself takes no lock).
 *
 * @param ownerUrl a login that may create tables and, on a server without the roles `app` and `app_platform`, roles
 * @returns the names of the migrations that ran
 */
export async function migrate(ownerUrl: string): Promise<string[]> {
  const lock = new Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 });
  // The migrations notice for themselves that the server is gone.
  lock.on('error', () => undefined);
  await lock.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await lock.query(SERVICE_ROLES);
    return await runMigrations(ownerUrl);
  } finally {
    await lock.end();
  }
}

/**
 * The service's role, and the one it takes for work across tenants. Neither logs in by itself unless somebody lets it. Whoever
 * makes them may take them: where there is one login only, the service does.
 */
const SERVICE_ROLES = `
  do $$
  begin
    if not exists (select from pg_roles where rolname = 'app') then
      create role app nologin;
      grant app to current_user with inherit false, set true;
    end if;
    if not exists (select from pg_roles where rolname = 'app_platform') then
      create role app_platform nologin;
      grant app_platform to current_user with inherit false, set true;
    end if;
    if not pg_has_role('app', 'app_platform', 'set') then
      grant app_platform to app with inherit false, set true;
    end if;
  end
  $$`;

async function runMigrations(ownerUrl: string): Promise<string[]> {
  const orm = await MikroORM.init({
    clientUrl: ownerUrl,
    entities,
    extensions: [Migrator],
    migrations: { migrationsList: migrations, snapshot: false },
    pool: { min: 0, max: 1 },
    logger: () => undefined,
  });
  try {
    const applied = await orm.migrator.up();
    return applied.map(({ name }) => name);
  } finally {
    await orm.close();
  }
}
