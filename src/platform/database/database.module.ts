import { MikroORM } from '@mikro-orm/postgresql';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { entities } from '#libs/model';

import { ReadinessRegistry } from '../health/index.js';
import { Database } from './database.js';
import { DatabaseUrls } from './urls.js';

const ORM = Symbol('MikroORM');

/** How long a request waits for a connection before it is answered with 503, in milliseconds. */
const CONNECTION_TIMEOUT = 3_000;

export function connect(serviceUrl: string): Promise<MikroORM> {
  return MikroORM.init({
    clientUrl: serviceUrl,
    entities,
    pool: { min: 0, max: 20 },
    driverOptions: { connectionTimeoutMillis: CONNECTION_TIMEOUT, keepAlive: true, application_name: 'serviceradar-edge' },
    forceUtcTimezone: true,
    // Every access goes through a fork that has a scope.
    allowGlobalContext: false,
  });
}

@Global()
@Module({
  providers: [
    { provide: ORM, useFactory: (urls: DatabaseUrls) => connect(urls.serviceUrl), inject: [DatabaseUrls] },
    { provide: Database, useFactory: (orm: MikroORM) => new Database(orm), inject: [ORM] },
  ],
  exports: [Database],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    @Inject(ORM) private readonly orm: MikroORM,
    database: Database,
    readiness: ReadinessRegistry,
  ) {
    readiness.register('database', () => database.ping());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.orm.close();
  }
}
