import createClient from 'openapi-fetch';
import { Service } from '../../lab/service.js';
import { until } from '../../lab/until.js';
import type { components, paths } from '../client/schema.js';
import { temporaryDirectory } from '../../lab/temporary-directory.js';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

type Problem = components['schemas']['Problem'];

const directory = temporaryDirectory();
const service = new Service({ dataDir: join(directory, 'data'), log: join(directory, 'service.log') });

beforeAll(async () => {
  await service.ready();
});
afterAll(async () => {
  await service.stop();
  rmSync(directory, { recursive: true });
});

const clientWith = (key: string) => createClient<paths>({ baseUrl: service.api.url, headers: { authorization: `Bearer ${key}` } });

describe('the client generated from openapi.yaml', () => {
  it('goes from nothing to a bundle, with every answer of the type that it says', async () => {
    const platform = clientWith(service.adminKey);
    const tenant = await platform.POST('/api/admin/tenants', { body: { name: 'Acme' } });
    expect(tenant.data?.slug).toBe('acme');

    const key = await platform.POST('/api/admin/api-keys', {
      params: { header: { 'X-Tenant': 'acme' } },
      body: { name: 'SDK', role: 'admin' },
    });
    const client = clientWith(key.data!.key);

    const created = await client.POST('/api/admin/edge-sites', { body: { name: 'New York plant', labels: { region: 'us' } } });
    const id = created.data!.id;
    const site = await until('the leaf is provisioned', async () => {
      const { data } = await client.GET('/api/admin/edge-sites/{id}', { params: { path: { id } } });
      return data?.leaf_server.status === 'provisioned' ? data : undefined;
    });
    expect(site.leaf_server.config_checksum).toMatch(/^[0-9a-f]{64}$/);

    const token = await client.POST('/api/admin/edge-sites/{id}/download-tokens', { params: { path: { id } }, body: {} });
    const bundle = await client.POST('/api/edge-sites/{id}/bundle', {
      params: { path: { id }, header: { 'x-serviceradar-download-token': token.data!.token } },
      parseAs: 'arrayBuffer',
    });
    // The first bytes of a gzip member (RFC 1952).
    expect([...new Uint8Array(bundle.data as unknown as ArrayBuffer).slice(0, 2)]).toEqual([0x1f, 0x8b]);
  });

  it('gets problems as problems', async () => {
    const client = clientWith('sr_nobodynobody_'.padEnd(60, 'x'));
    const { error, response } = await client.GET('/api/admin/edge-sites', { params: {} });
    const problem: Problem | undefined = error;
    expect([response.status, problem?.code]).toEqual([401, 'unauthenticated']);
  });
});
