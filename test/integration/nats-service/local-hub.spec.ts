import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ok } from '../../../lab/api.js';
import { NATS_SERVERS } from '../../../lab/nats-versions.js';
import { until } from '../../../lab/until.js';
import type { NatsOperatorDto } from '../../../src/nats/dto/nats-operator.dto.js';
import { parseConfig } from '../../../src/platform/config/index.js';
import { type RunningService, start } from '../../../src/start.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';
import { DescribedApi } from '../../support/described-api.js';

const ADMIN_KEY = `sr_testadmin_${'k'.repeat(43)}`;

describe('a hub of the service’s own on any free ports', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'serviceradar-local-hub-'));
  let database: TestDatabase;
  let service: RunningService | undefined;

  const startService = async (): Promise<string> => {
    service = await startProcess();
    return service.leafUpstreamUrl;
  };
  const startProcess = (): Promise<RunningService> => {
    const { serviceUrl, ownerUrl, jobsUrl } = database;
    return start(
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
        ROLES: 'api,worker',
        BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
      }),
    );
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

  it('is used by another process with the same data directory, which leaves it as it is', async () => {
    const ports = () => readFileSync(join(dataDir, 'hub/ports.json'), 'utf8');
    const before = ports();
    const other = await startProcess();
    expect(other.leafUpstreamUrl).toBe(service!.leafUpstreamUrl);
    expect(ports()).toBe(before);
    await other.stop();
  });

  it('is started again with each change of the operator’s signing keys', async () => {
    const admin = new DescribedApi(service!.url, { key: ADMIN_KEY });
    const path = '/admin/nats/operator';
    const known = (count: number) =>
      until(`the hub trusts ${count} keys`, async () => {
        const operator = await ok(admin.get<NatsOperatorDto>(path));
        return operator.signing_keys.filter(({ known_to_hub }) => known_to_hub).length === count && operator;
      });
    await known(1);
    await ok(admin.post(`${path}/signing-keys`));
    const { signing_keys: [next, active] } = await known(2);
    await ok(admin.post(`${path}/signing-keys/${next!.id}/activate`));
    await ok(admin.post(`${path}/signing-keys/${active!.id}/retire`));
    const { signing_keys: keys, next_step } = await known(1);
    expect(keys.map(({ status, known_to_hub }) => [status, known_to_hub])).toEqual([['active', true], ['retired', false]]);
    expect(next_step).toBeNull();
  });
});
