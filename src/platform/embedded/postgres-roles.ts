import { escapeIdentifier, escapeLiteral } from 'pg';

export interface RolePasswords {
  owner: string;
  service: string;
  jobs: string;
}

/** The roles that the product logs in as or takes. Migrations name `app` and `app_platform` in their policies. */
export const ROLES = { owner: 'serviceradar_owner', service: 'app', platform: 'app_platform', jobs: 'jobs' } as const;

/** The schema that BullMQ makes its tables in. */
export const JOBS_SCHEMA = 'bullmq';

const createRole = (name: string): string => `
  do $$ begin
    if not exists (select from pg_roles where rolname = '${name}') then create role ${name} nologin; end if;
  end $$`;

const login = (name: string, password: string, more = 'nocreaterole'): string =>
  `alter role ${name} with login nosuperuser nobypassrls nocreatedb ${more} password ${escapeLiteral(password)}`;

/**
 * The roles and rights that the product needs, one statement each, for a superuser connected to `database`. They can be run again
 * at any time, and set the passwords as given.
 *
 * - `serviceradar_owner` owns the database and runs migrations;
 * - `app`, as which the service works, has no right but those that migrations grant, and row-level security holds for it;
 * - `app_platform` is what `app` may take (`set role`), but does not inherit, to work across tenants;
 * - `jobs` owns the queue's schema, and makes its tables and sequences there at run time.
 */
export function roleStatements(options: { database: string; passwords: RolePasswords }): string[] {
  const { passwords } = options;
  const database = escapeIdentifier(options.database);
  return [
    ...Object.values(ROLES).map(createRole),
    login(ROLES.owner, passwords.owner, 'createrole'),
    login(ROLES.service, passwords.service),
    login(ROLES.jobs, passwords.jobs),
    `grant ${ROLES.platform} to ${ROLES.service} with inherit false, set true`,
    `alter database ${database} owner to ${ROLES.owner}`,
    `revoke all on database ${database} from public`,
    `grant connect on database ${database} to ${ROLES.service}`,
    `grant connect, create, temporary on database ${database} to ${ROLES.jobs}`,
    `create schema if not exists ${JOBS_SCHEMA} authorization ${ROLES.jobs}`,
  ];
}
