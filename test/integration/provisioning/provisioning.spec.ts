import { getQueueToken } from '@nestjs/bullmq';
import type { Queue } from 'bullmq';
import { type Api, ok } from '../../../lab/api.js';
import { freePort } from '../../../lab/free-port.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { PROVISIONING_QUEUE } from '../../../src/edge-sites/index.js';
import { Config } from '../../../src/platform/config/index.js';
import { start } from '../../../src/start.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Problem {
  code: string;
  detail: string;
}

const leafOf = async (api: Api, id: string) => (await ok(api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`))).leaf_server;
const createSite = (api: Api, name: string) => ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name }));
const provisioned = (api: Api, id: string) =>
  until('the leaf is provisioned', async () => {
    const leaf = await leafOf(api, id);
    return leaf.status === 'provisioned' && leaf;
  });

describe('a pending leaf whose job was lost', () => {
  it('is found by the sweep of a worker', async () => {
    const app = await startTestApp({ ROLES: 'api' });
    const { api } = await app.tenant('Acme');
    const { id } = await createSite(api, 'x');
    const queue = app.service.app.get<Queue>(getQueueToken(PROVISIONING_QUEUE), { strict: false });
    await until('it is enqueued', async () => (await queue.count()) === 1);
    await queue.obliterate({ force: true });
    expect(await queue.count()).toBe(0);

    const worker = await start({ ...app.service.app.get(Config), roles: ['worker'], port: await freePort() });
    try {
      expect(await provisioned(api, id)).toMatchObject({ generation: 1, last_error: null });
    } finally {
      await worker.stop();
      await app.close();
    }
  });
});

describe('a leaf that cannot be provisioned', () => {
  let app: TestApp;
  let api: Api;
  let id: string;

  /** Past the API, which would refuse a name of the hub. */
  const setServerSans = (sans: string[]) =>
    app.database.database.em('platform').execute('update edge_sites set server_sans = ?::jsonb where id = ?', [JSON.stringify(sans), id]);
  const regenerate = () => api.post(`/admin/edge-sites/${id}/leaf-server/regenerate`);

  beforeAll(async () => {
    app = await startTestApp();
    ({ api } = await app.tenant('Acme'));
    ({ id } = await createSite(api, 'bad'));
    await provisioned(api, id);
    await setServerSans(['hub.example.com']);
  });
  afterAll(() => app.close());

  it('says why, and keeps no other of its tenant from it', async () => {
    const [regenerated, ...others] = await Promise.all([regenerate(), ...['a', 'b', 'c', 'd'].map((name) => createSite(api, name))]);
    expect(regenerated.status).toBe(202);
    const failed = await until('the leaf has failed', async () => {
      const leaf = await leafOf(api, id);
      return leaf.last_error !== null && leaf;
    });
    expect(failed).toMatchObject({ status: 'pending', generation: 2, last_error: expect.stringContaining('hub.example.com') });
    for (const other of others) expect(await provisioned(api, other.id)).toMatchObject({ last_error: null });
  });

  it('has no bundle, for that reason', async () => {
    const { status, body } = await api.get<Problem>(`/admin/edge-sites/${id}/bundle`);
    expect([status, body.code]).toEqual([409, 'not_provisioned']);
    expect(body.detail).toContain((await leafOf(api, id)).last_error);
  });

  it('leaves nothing signed behind', async () => {
    const { data } = await ok(api.get<{ data: { generation: number }[] }>(`/admin/certificates?edge_site_id=${id}&status=issued`));
    expect(data.map(({ generation }) => generation)).toEqual([1, 1]);
  });

  it('can be regenerated when the cause is gone', async () => {
    await setServerSans(['plant.example.com']);
    expect((await regenerate()).status).toBe(202);
    expect(await provisioned(api, id)).toMatchObject({ generation: 3, last_error: null });
    expect((await api.get(`/admin/edge-sites/${id}/bundle`)).status).toBe(200);
  });
});
