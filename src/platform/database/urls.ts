import type { Config } from '../config/index.js';

/** Whom the process logs in to PostgreSQL as, for what. */
export class DatabaseUrls {
  constructor(
    /** Migrations. */
    readonly ownerUrl: string,
    /** All else; owns nothing, and row-level security holds for it. */
    readonly serviceUrl: string,
    /** The queue's tables, in a schema of their own. */
    readonly jobsUrl: string,
  ) {}
}

/** The same login, as another role from the first statement on. */
export function takingRole(databaseUrl: string, role: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set('options', `-c role=${role}`);
  return url.href;
}

/** The logins of a server that was given by URL; undefined when none was, and the embedded one is meant. */
export function databaseUrls({ databaseUrl, databaseOwnerUrl, queueUrl }: Config): DatabaseUrls | undefined {
  if (databaseUrl === undefined) return undefined;
  const service = databaseUrl.reveal();
  const owner = databaseOwnerUrl?.reveal() ?? service;
  const queue = queueUrl?.reveal();
  return new DatabaseUrls(
    owner,
    // Where the only login there is owns the tables, the service takes the role that owns nothing.
    databaseOwnerUrl === undefined ? takingRole(owner, 'app') : service,
    queue?.startsWith('postgres') ? queue : owner,
  );
}
