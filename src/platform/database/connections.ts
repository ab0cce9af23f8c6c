import { MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { entities } from '#libs/model';
import { giveBackLostConnections } from './lost-connections.js';
import { takingRole } from './urls.js';

/** The role that row-level security lets see every tenant's rows. */
const PLATFORM_ROLE = 'app_platform';

/** How long a request waits for a connection before it is answered with 503, in milliseconds. */
const CONNECTION_TIMEOUT = 5_000;

/**
 * How long a connection is used, in seconds. After a fail-over behind one address, what was the primary may answer on, read-only: connections
 * that are made anew find the one that took over.
 */
const LIFETIME = 60;

/**
 * Nobody waits for ever for a row that a process which froze or lost its power holds. A transaction may wait for the network
 * (a push, a stream) for as long as that has time limits of its own.
 */
const LIMITS = [
  '-c lock_timeout=5s',
  '-c statement_timeout=30s',
  '-c idle_in_transaction_session_timeout=90s',
  '-c tcp_keepalives_idle=10',
  '-c tcp_keepalives_interval=5',
  '-c tcp_keepalives_count=3',
];

/** A pool of connections to PostgreSQL, and the ORM on it. */
export interface Connection {
  em: SqlEntityManager;
  pool: Pool;
}

export const CONNECTIONS = Symbol('Connections');

/** The two pools of the service. Which one a piece of work gets is its scope's to decide. */
export interface Connections {
  /** Sees nothing until a transaction says which tenant it is for. */
  tenant: Connection;
  /** Sees every tenant's rows from the start, so that a single look-up (whose key is this?) is a single round trip. */
  platform: Connection;
  close(): Promise<void>;
}

/** @param lifetime of a connection, in seconds */
export async function connect(serviceUrl: string, lifetime = LIFETIME): Promise<Connections> {
  const tenant = await open(serviceUrl, 20, lifetime);
  const platform = await open(takingRole(serviceUrl, PLATFORM_ROLE), 10, lifetime);
  const connectionOf = async ({ em }: MikroORM) => ({ em, pool: await em.getConnection().getNativeClient() });
  return {
    tenant: await connectionOf(tenant),
    platform: await connectionOf(platform),
    async close() {
      await tenant.close();
      await platform.close();
    },
  };
}

function open(clientUrl: string, max: number, lifetime: number): Promise<MikroORM> {
  return MikroORM.init({
    clientUrl,
    entities,
    pool: { min: 0, max },
    driverOptions: {
      connectionTimeoutMillis: CONNECTION_TIMEOUT,
      maxLifetimeSeconds: lifetime,
      keepAlive: true,
      onPoolCreated: giveBackLostConnections,
      application_name: 'serviceradar-edge',
      options: [new URL(clientUrl).searchParams.get('options'), ...LIMITS].join(' ').trim(),
    },
    forceUtcTimezone: true,
    // Every access goes through a fork that has a scope.
    allowGlobalContext: false,
  });
}
