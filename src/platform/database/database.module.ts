import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ReadinessRegistry } from '../health/index.js';
import { connect, type Connections, CONNECTIONS } from './connections.js';
import { Database } from './database.js';
import { PoolMetrics } from './pool-metrics.js';
import { DatabaseUrls } from './urls.js';

@Global()
@Module({
  providers: [
    { provide: CONNECTIONS, useFactory: (urls: DatabaseUrls) => connect(urls.serviceUrl), inject: [DatabaseUrls] },
    { provide: Database, useFactory: (connections: Connections) => new Database(connections), inject: [CONNECTIONS] },
    PoolMetrics,
  ],
  exports: [Database],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    @Inject(CONNECTIONS) private readonly connections: Connections,
    database: Database,
    readiness: ReadinessRegistry,
  ) {
    readiness.register('database', () => database.ping());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.connections.close();
  }
}
