import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { ok } from '../../../lab/api.js';
import { Child } from '../../../lab/child.js';
import { freePort } from '../../../lab/free-port.js';
import { temporaryDirectory } from '../../../lab/temporary-directory.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

describe('a queue on Redis', () => {
  const directory = temporaryDirectory();
  let server: Child;
  let redis: Redis;
  let app: TestApp | undefined;

  beforeAll(async () => {
    const port = await freePort();
    const options = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory, '--save', '', '--maxmemory-policy', 'noeviction'];
    server = new Child('redis', 'sh', ['scripts/redis-server.sh', ...options], { log: join(directory, 'log') });
    redis = new Redis(port, '127.0.0.1');
    // It is asked again until it is there.
    redis.on('error', () => undefined);
    await until('Redis answers, or has ended', async () => !server.running || (await redis.ping()));
    if (!server.running) throw new Error(`Redis ended:\n${server.log}`);
    app = await startTestApp({ QUEUE_URL: `redis://127.0.0.1:${port}` });
  });

  afterAll(async () => {
    await app?.close();
    redis?.disconnect();
    await server?.stop();
    rmSync(directory, { recursive: true });
  });

  it('brings work to the worker', async () => {
    const { api } = await app!.tenant('Acme');
    const { id } = await ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'New York' }));
    await until('the leaf is provisioned', async () => (await ok(api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`))).leaf_server.status === 'provisioned');
    expect(await redis.keys('bull:*')).toEqual(expect.arrayContaining(['bull:provisioning:meta']));
  });

  it('leaves nothing in PostgreSQL', async () => {
    const tables = await app!.database.database.em('platform').execute(`select from pg_tables where schemaname = 'bullmq'`);
    expect(tables).toEqual([]);
  });
});
