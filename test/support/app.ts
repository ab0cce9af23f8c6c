import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CreateApiKeyDto, CreatedApiKeyDto } from '../../src/api-keys/dto/api-key.dto.js';
import type { TenantDto } from '../../src/tenants/dto/tenant.dto.js';
import { type Api, ok } from '../../lab/api.js';
import { freePort } from '../../lab/free-port.js';
import { UNLIMITED } from '../../lab/unlimited.js';
import { parseConfig } from '../../src/platform/config/index.js';
import { type RunningService, start } from '../../src/start.js';
import { startTestDatabase, type TestDatabase } from './database.js';
import { DescribedApi } from './described-api.js';

const ADMIN_KEY = `sr_testadmin_${'k'.repeat(43)}`;

/** The service in this process, on a database of its own, with a hub that is away. */
export interface TestApp {
  readonly service: RunningService;
  /** As the platform admin. */
  admin: Api;
  database: TestDatabase;
  /** A tenant with its administrator. */
  tenant(name: string): Promise<{ id: string; slug: string; api: Api }>;
  /** A key of another role in a tenant, and what it is narrowed to. */
  keyOf(tenantSlug: string, role: string, narrowing?: Pick<CreateApiKeyDto, 'scopes' | 'site_labels'>): Promise<Api>;
  /** Stops the service and starts it again, at the same address: with other roles, say. */
  restart(env: Record<string, string>): Promise<void>;
  close(): Promise<void>;
}

/** @param env on top of what a test needs; `ROLES` says whether anything is provisioned */
export async function startTestApp(env: Record<string, string> = {}): Promise<TestApp> {
  const database = await startTestDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), 'serviceradar-test-'));
  const settings = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'fatal',
    PORT: String(await freePort()),
    GATEWAY_PORT: '0',
    DATA_DIR: dataDir,
    DATABASE_URL: database.serviceUrl,
    DATABASE_OWNER_URL: database.ownerUrl,
    QUEUE_URL: database.jobsUrl,
    NATS_URL: `nats://127.0.0.1:${await freePort()}`,
    NATS_LEAF_UPSTREAM_URL: 'tls://hub.example.com:7422',
    BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
    ...UNLIMITED,
    ...env,
  };
  const clear = async () => {
    await database.close();
    rmSync(dataDir, { recursive: true });
  };
  let service = await start(parseConfig(settings)).catch(async (error: unknown) => {
    await clear();
    throw error;
  });
  const admin = new DescribedApi(service.url, { key: ADMIN_KEY });
  const keyOf: TestApp['keyOf'] = async (tenant, role, narrowing) => {
    const asked = { name: role, role, ...narrowing };
    const { key } = await ok(admin.as({ key: ADMIN_KEY, tenant }).post<CreatedApiKeyDto>('/admin/api-keys', asked));
    return admin.as({ key });
  };
  return {
    get service() {
      return service;
    },
    admin,
    database,
    keyOf,
    async tenant(name) {
      const { id, slug } = await ok(admin.post<TenantDto>('/admin/tenants', { name }));
      return { id, slug, api: await keyOf(slug, 'admin') };
    },
    async restart(changed) {
      await service.stop();
      service = await start(parseConfig({ ...settings, ...changed }));
    },
    async close() {
      await service.stop();
      await clear();
    },
  };
}
