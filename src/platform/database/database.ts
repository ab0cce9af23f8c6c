import { type FilterQuery, PostgreSqlPlatform, type SqlEntityManager } from '@mikro-orm/postgresql';
import type { QueryResult } from 'pg';
import { TENANT_FILTER, type TenantFilterParams } from '#libs/model';
import type { Connections } from './connections.js';
import { lostToOthers } from './database-fault.js';
import type { Scope } from './scope.js';

/** Puts values into statements. */
const SQL = new PostgreSqlPlatform();

/** How often a transaction is tried that is given up because of others. Of two that wait for each other, one gets through. */
const TRIES = 3;

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

  /**
   * Runs the work in one transaction, and flushes what it changed before it commits. When PostgreSQL gives it up because of others that run at
   * the same time (a deadlock, a serialization failure), the work is done again, in a new transaction.
   * @param work reads by `em` whatever it changes, so that it can be done again; what it does elsewhere may be done twice
   */
  transaction<T>(scope: Scope, work: (em: Em) => Promise<T>): Promise<T> {
    return untilNotLost(() => this.em(scope).transactional((em) => work(em as unknown as Em)));
  }

  /**
   * Runs one statement in one round trip, and answers with its rows as they come. For the few that many requests wait for together: row-level
   * security holds as it does in a transaction, the ORM's filter does not.
   * @param sql with a `?` for each value
   */
  async statement<Row>(scope: Scope, sql: string, values: readonly unknown[]): Promise<Row[]> {
    const { tenant, platform } = this.connections;
    const statement = SQL.formatQuery(sql, values);
    if (scope === 'platform') return (await untilNotLost(() => platform.pool.query(statement))).rows as Row[];
    // Statements that are sent as one text are one transaction (PostgreSQL, "Message Flow: Simple Query").
    const session = SQL.formatQuery(`select set_config('app.tenant_id', ?, true)`, [scope.tenantId]);
    const results = (await untilNotLost(() => tenant.pool.query(`${session}; ${statement}`))) as unknown as QueryResult[];
    return results.at(-1)!.rows as Row[];
  }

  /** Answers when the database does, and a connection of each pool is to be had. */
  async ping(): Promise<void> {
    const { tenant, platform } = this.connections;
    await Promise.all([tenant, platform].map(({ pool }) => pool.query('select 1')));
  }
}

async function untilNotLost<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === TRIES || !lostToOthers(error)) throw error;
    }
  }
}
