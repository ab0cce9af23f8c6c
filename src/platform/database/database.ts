import { type FilterQuery, PostgreSqlPlatform, type SqlEntityManager } from '@mikro-orm/postgresql';
import type { QueryResult } from 'pg';
import { TENANT_FILTER, type TenantFilterParams } from '#libs/model';
import type { Connections } from './connections.js';
import type { Scope } from './scope.js';

/** Puts values into statements. */
const SQL = new PostgreSqlPlatform();

export type Em = SqlEntityManager;
export type Where<T> = FilterQuery<T>;

/**
 * The one way to the database. There is no entity manager without a scope: the scope sets the ORM's tenant filter and
 * the session that PostgreSQL's row-level security reads, so that neither can be forgotten.
 */
export class Database {
  constructor(private readonly connections: Connections) {}

  /** An entity manager of its own, for a single query. Several queries belong in a transaction. */
  em(scope: Scope): Em {
    const { tenant, platform } = this.connections;
    // Within a transaction of another scope, the ORM would take that one's connection, and with it what it may see.
    const own = { disableContextResolution: true };
    const em =
      scope === 'platform'
        ? platform.em.fork(own)
        : tenant.em.fork({ ...own, session: { variables: { 'app.tenant_id': scope.tenantId } } });
    const params: TenantFilterParams = scope === 'platform' ? { platform: true } : { tenantId: scope.tenantId };
    em.setFilterParams(TENANT_FILTER, params);
    return em as unknown as Em;
  }

  /** Runs the work in one transaction, and flushes what it changed before it commits. */
  transaction<T>(scope: Scope, work: (em: Em) => Promise<T>): Promise<T> {
    return this.em(scope).transactional((em) => work(em as unknown as Em));
  }

  /**
   * Runs one statement in one round trip, and answers with its rows as they come. For the few that many requests wait for together: row-level
   * security holds as it does in a transaction, the ORM's filter does not.
   * @param sql with a `?` for each value
   */
  async statement<Row>(scope: Scope, sql: string, values: readonly unknown[]): Promise<Row[]> {
    const { tenant, platform } = this.connections;
    const statement = SQL.formatQuery(sql, values);
    if (scope === 'platform') return (await platform.pool.query(statement)).rows as Row[];
    // Statements that are sent as one text are one transaction (PostgreSQL, "Message Flow: Simple Query").
    const session = SQL.formatQuery(`select set_config('app.tenant_id', ?, true)`, [scope.tenantId]);
    const results = (await tenant.pool.query(`${session}; ${statement}`)) as unknown as QueryResult[];
    return results.at(-1)!.rows as Row[];
  }

  /** Answers when the database does. */
  async ping(): Promise<void> {
    await this.em('platform').execute('select 1');
  }
}

/** PostgreSQL error codes and socket errors that mean: it is away or too busy (a lock that is held, a deadlock), and that passes. */
const AWAY = /^(?:08\w{3}|40001|40P01|55P03|57014|57P0[1-5]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;
const AWAY_MESSAGE = /Connection terminated|timeout exceeded when trying to connect|the database system is/i;

/** Whether an error says that PostgreSQL is away, as against that it refused what was asked. */
export function isDatabaseAway(error: unknown): boolean {
  for (let cause = error; typeof cause === 'object' && cause !== null; cause = (cause as { cause?: unknown }).cause) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    if (typeof code === 'string' && AWAY.test(code)) return true;
    if (typeof message === 'string' && AWAY_MESSAGE.test(message)) return true;
  }
  return false;
}
