import { join } from 'node:path';
import { Service } from '../../lab/service.js';
import type { TestApp } from './app.js';

/**
 * A process of the service of its own, beside the one in this process: on the same database, and its hub is away, too.
 * @param name of its log and its data, in the directory
 */
export function anotherProcess({ database }: TestApp, directory: string, name: string, env: Record<string, string>): Service {
  return new Service({
    dataDir: join(directory, name),
    log: join(directory, `${name}.log`),
    env: {
      NODE_ENV: 'test',
      DATABASE_URL: database.serviceUrl,
      DATABASE_OWNER_URL: database.ownerUrl,
      QUEUE_URL: database.jobsUrl,
      NATS_URL: 'nats://127.0.0.1:1',
      NATS_LEAF_UPSTREAM_URL: 'tls://hub.example.com:7422',
      ...env,
    },
  });
}
