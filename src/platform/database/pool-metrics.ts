import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Metrics } from '../metrics/index.js';
import { type Connections, CONNECTIONS } from './connections.js';

const GAUGES = {
  database_pool_connections: 'Connections of a pool to PostgreSQL that work, or that idle.',
  database_pool_waiting: 'Pieces of work that wait for a connection of the pool.',
  database_pool_max_connections: 'Connections that the pool has at most.',
};

/** Tells how much of its connections to PostgreSQL this process uses. The queue has connections of its own. */
@Injectable()
export class PoolMetrics implements OnModuleInit {
  constructor(
    @Inject(CONNECTIONS) private readonly connections: Connections,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges(GAUGES, ['pool', 'state'], (gauges) => {
      for (const name of ['tenant', 'platform'] as const) {
        const { pool } = this.connections[name];
        gauges.database_pool_connections.set({ pool: name, state: 'used' }, pool.totalCount - pool.idleCount);
        gauges.database_pool_connections.set({ pool: name, state: 'idle' }, pool.idleCount);
        gauges.database_pool_waiting.set({ pool: name }, pool.waitingCount);
        gauges.database_pool_max_connections.set({ pool: name }, pool.options.max);
      }
      return Promise.resolve();
    });
  }
}
