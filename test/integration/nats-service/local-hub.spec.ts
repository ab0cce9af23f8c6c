import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NATS_SERVERS } from '../../../lab/nats-versions.js';
import { parseConfig } from '../../../src/platform/config/index.js';
import { type RunningService, start } from '../../../src/start.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

describe('a hub of the service’s own on any free ports', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'serviceradar-local-hub-'));
  let database: TestDatabase;
  let service: RunningService | undefined;

  const startService = async (): Promise<string> => {
    const { serviceUrl, ownerUrl, jobsUrl } = database;
    service = await start(
      parseConfig({
        NODE_ENV: 'test',
        LOG_LEVEL: 'fatal',
        PORT: '0',
        GATEWAY_PORT: '0',
        DATA_DIR: dataDir,
        DATABASE_URL: serviceUrl,
        DATABASE_OWNER_URL: ownerUrl,
        QUEUE_URL: jobsUrl,
        HUB_CLIENT_PORT: '0',
        HUB_LEAF_PORT: '0',
        NATS_SERVER: NATS_SERVERS.latest,
        ROLES: 'api',
      }),
    );
    return service.leafUpstreamUrl;
  };

  beforeAll(async () => {
    database = await startTestDatabase();
  });

  afterAll(async () => {
    await service?.stop();
    await database.close();
    rmSync(dataDir, { recursive: true });
  });

  it('is found at the same place by leaves after the service was started again', async () => {
    const first = await startService();
    await service!.stop();
    expect(first).toMatch(/^tls:\/\/127\.0\.0\.1:[1-9]\d+$/);
    expect(await startService()).toBe(first);
  });
});
