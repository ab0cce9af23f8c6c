import type { Api } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Problem {
  code: string;
  detail: string;
  errors?: { pointer: string; code: string }[];
}

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const provisioned = (api: Api, id: string) =>
  until('the leaf is provisioned', async () => {
    const { body } = await api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`);
    return body.leaf_server.status === 'provisioned' ? body : undefined;
  });

async function create(api: Api, site: object): Promise<EdgeSiteDto> {
  const { status, body } = await api.post<EdgeSiteDto>('/admin/edge-sites', site);
  expect(body).toMatchObject({ id: expect.any(String) });
  expect(status).toBe(201);
  return body;
}

describe('an edge site', () => {
  it('is created pending, with defaults, and is provisioned though the hub is away', async () => {
    const { api } = await app.tenant('Acme');
    const site = await create(api, { name: 'New York plant', labels: { region: 'us-east' } });
    expect(site).toMatchObject({
      slug: 'new-york-plant',
      status: 'pending',
      nats_leaf_url: null,
      last_seen_at: null,
      leaf_server: {
        status: 'pending',
        upstream_url: 'tls://hub.example.com:7422',
        local_listen: '0.0.0.0:4222',
        jetstream_domain: 'edge',
        generation: 1,
      },
    });
    const { leaf_server: leaf } = await provisioned(api, site.id);
    expect(leaf).toMatchObject({ config_checksum: expect.stringMatching(/^[0-9a-f]{64}$/), cert_expiring_soon: false, last_error: null });

    const certificates = await api.get<{ data: object[] }>(`/admin/certificates?edge_site_id=${site.id}&status=issued`);
    expect(certificates.body.data).toHaveLength(2);
    const users = await api.get<{ data: object[] }>('/admin/nats/credentials');
    expect(users.body.data).toHaveLength(2);
    expect(users.body.data).toEqual(
      expect.arrayContaining(['leaf_control', 'leaf'].map((purpose) => expect.objectContaining({ purpose, edge_site_id: site.id, generation: 1 }))),
    );
  });

  it('has a slug and a JetStream domain that no other of the tenant’s has', async () => {
    const { api } = await app.tenant('Unique');
    await create(api, { name: 'Berlin' });
    expect((await create(api, { name: 'Paris' })).leaf_server.jetstream_domain).toBe('edge-paris');
    const slug = await api.post<Problem>('/admin/edge-sites', { name: 'berlin' });
    expect([slug.status, slug.body.code]).toEqual([409, 'slug_taken']);
    const domain = await api.post<Problem>('/admin/edge-sites', { name: 'Rome', jetstream_domain: 'edge-paris' });
    expect([domain.status, domain.body.code]).toEqual([409, 'jetstream_domain_taken']);

    const other = await app.tenant('Elsewhere');
    expect((await create(other.api, { name: 'Berlin' })).leaf_server.jetstream_domain).toBe('edge');
  });

  it('is the first of its tenant only once, however many are created at once', async () => {
    const { api } = await app.tenant('Rush');
    const made = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => create(api, { name })));
    const domains = made.map(({ leaf_server }) => leaf_server.jetstream_domain);
    expect(domains.filter((domain) => domain === 'edge')).toHaveLength(1);
    expect(new Set(domains).size).toBe(6);
  });

  it('is refused with everything that is wrong with it', async () => {
    const { api } = await app.tenant('Sloppy');
    const { status, body } = await api.post<Problem>('/admin/edge-sites', {
      name: 'a\nb',
      slug: 'Not A Slug',
      nats_leaf_url: 'https://example.com/path',
      local_listen: 'everywhere',
      server_sans: ['fine.example', 'not a host'],
      labels: { UPPER: 'x' },
      jetstream_max_file_bytes: '10G',
      status: 'active',
      tenant_id: 'mine',
    });
    expect(status).toBe(422);
    expect([...new Set(body.errors?.map(({ pointer }) => pointer))].sort()).toEqual([
      '/jetstream_max_file_bytes',
      '/labels',
      '/local_listen',
      '/name',
      '/nats_leaf_url',
      '/server_sans',
      '/slug',
      '/status',
      '/tenant_id',
    ]);
  });

  it.each([
    ['the hub', { server_sans: ['hub.example.com'] }, '/server_sans/0'],
    ['the platform', { nats_leaf_url: 'tls://agent-gateway.serviceradar:4222' }, '/nats_leaf_url'],
  ])('cannot have a certificate that passes for %s', async (_who, hosts, pointer) => {
    const { api } = await app.tenant(`Impostor ${pointer}`);
    const { status, body } = await api.post<Problem>('/admin/edge-sites', { name: 'x', ...hosts });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, pointer]);
  });

  it.each([['saas', '/slug', { slug: 'saas' }], ['hub', '/jetstream_domain', { jetstream_domain: 'hub' }]])(
    'cannot be called %s where that has a meaning',
    async (_name, pointer, site) => {
      const { api } = await app.tenant(`Reserved ${pointer}`);
      const { status, body } = await api.post<Problem>('/admin/edge-sites', { name: 'x', ...site });
      expect([status, body.errors?.[0]]).toEqual([422, expect.objectContaining({ pointer, code: 'reserved' })]);
    },
  );

  it('gets a new generation when its certificate or configuration must change, and none when not', async () => {
    const { api } = await app.tenant('Moving');
    const { id } = await create(api, { name: 'x' });
    await provisioned(api, id);
    const change = async (body: object) => {
      const changed = await api.patch<EdgeSiteDto>(`/admin/edge-sites/${id}`, body);
      expect(changed.status).toBe(200);
      await provisioned(api, id);
      return changed.body.leaf_server.generation;
    };
    expect(await change({ name: 'y', labels: { a: 'b' } })).toBe(1);
    expect(await change({ nats_leaf_url: 'tls://nats.site.example:4222' })).toBe(2);
    expect(await change({ nats_leaf_url: 'tls://nats.site.example:4222' })).toBe(2);
    expect(await change({ server_sans: ['10.0.0.5'] })).toBe(3);
    expect(await change({ local_listen: '0.0.0.0:5222' })).toBe(4);

    const certificates = await api.get<{ data: { id: string; generation?: number }[] }>(
      `/admin/certificates?edge_site_id=${id}&status=issued&kind=leaf_listener`,
    );
    expect(certificates.body.data).toHaveLength(4);
  });

  it('is regenerated on demand', async () => {
    const { api } = await app.tenant('Again');
    const { id } = await create(api, { name: 'x' });
    const { leaf_server: first } = await provisioned(api, id);
    const answer = await api.post<{ generation: number; status: string }>(`/admin/edge-sites/${id}/leaf-server/regenerate`);
    expect([answer.status, answer.body.generation, answer.body.status]).toEqual([202, 2, 'pending']);
    const { leaf_server: second } = await provisioned(api, id);
    expect(second.config_checksum).not.toBe(first.config_checksum);
  });

  it('has its previous generations revoked on demand, once', async () => {
    const { api, slug } = await app.tenant('Leaked');
    const { id } = await create(api, { name: 'x' });
    await provisioned(api, id);
    const path = `/admin/edge-sites/${id}/leaf-server`;
    const first = await api.post<Problem>(`${path}/revoke-previous`);
    expect([first.status, first.body.code, first.body.detail]).toEqual([409, 'conflict', expect.stringContaining('generation 1 is the first one')]);

    await api.post(`${path}/regenerate`);
    await provisioned(api, id);
    for (const role of ['viewer', 'operator']) expect((await (await app.keyOf(slug, role)).post(`${path}/revoke-previous`)).status).toBe(403);
    const answer = await api.post<{ generation: number }>(`${path}/revoke-previous`);
    expect([answer.status, answer.body.generation]).toEqual([200, 2]);

    const users = (await api.get<{ data: { generation: number; status: string }[] }>('/admin/nats/credentials')).body.data;
    expect(users.map(({ generation, status }) => `${generation} ${status}`).sort()).toEqual(['1 revoked', '1 revoked', '2 issued', '2 issued']);
    const certificates = (await api.get<{ data: { status: string }[] }>(`/admin/certificates?edge_site_id=${id}`)).body.data;
    expect(certificates.map(({ status }) => status).sort()).toEqual(['issued', 'issued', 'revoked', 'revoked']);
    expect((await api.get('/admin/nats/account')).body).toMatchObject({ revoked_users: 1 });

    const again = await api.post<Problem>(`${path}/revoke-previous`);
    expect([again.status, again.body.code]).toEqual([409, 'conflict']);
    expect(again.body.detail).toContain('generation 2 is the only one that is not revoked');
  });

  it('can be deleted, which revokes what it was issued', async () => {
    const { api } = await app.tenant('Gone');
    const { id } = await create(api, { name: 'x' });
    await provisioned(api, id);
    expect((await api.delete(`/admin/edge-sites/${id}`)).status).toBe(204);
    expect((await api.get(`/admin/edge-sites/${id}`)).status).toBe(404);
    expect((await api.delete(`/admin/edge-sites/${id}`)).status).toBe(404);
    const statuses = async (path: string) =>
      (await api.get<{ data: { status: string }[] }>(path)).body.data.map(({ status }) => status);
    expect(await statuses(`/admin/certificates?edge_site_id=${id}`)).toEqual(['revoked', 'revoked']);
    expect(await statuses('/admin/nats/credentials')).toEqual(['revoked', 'revoked']);
    expect((await api.get('/admin/nats/account')).body).toMatchObject({ revoked_users: 1 });
    await create(api, { name: 'x' });
  });

  it('is found by status, name and label', async () => {
    const { api } = await app.tenant('Seek');
    await create(api, { name: 'New York 100%', labels: { region: 'us', line: '3' } });
    await create(api, { name: 'Berlin_1', labels: { region: 'eu' } });
    const names = async (query: string) =>
      (await api.get<{ data: { name: string }[] }>(`/admin/edge-sites?${query}`)).body.data.map(({ name }) => name);
    expect(await names('name=YORK')).toEqual(['New York 100%']);
    expect(await names('name=%25')).toEqual(['New York 100%']);
    expect(await names('name=_')).toEqual(['Berlin_1']);
    expect(await names('label=region=eu')).toEqual(['Berlin_1']);
    expect(await names('label=line')).toEqual(['New York 100%']);
    expect(await names('status=pending')).toHaveLength(2);
    expect(await names('status=active')).toEqual([]);
    expect((await api.get('/admin/edge-sites?status=lost')).status).toBe(422);
    expect((await api.get('/admin/edge-sites?cursor=zzz')).status).toBe(422);
  });

  it('does not exist for another tenant, by any way to it', async () => {
    const owner = await app.tenant('Owner');
    const { api: stranger } = await app.tenant('Stranger');
    const { id } = await create(owner.api, { name: 'x' });
    await provisioned(owner.api, id);
    const answers = await Promise.all([
      stranger.get(`/admin/edge-sites/${id}`),
      stranger.patch(`/admin/edge-sites/${id}`, { name: 'mine' }),
      stranger.delete(`/admin/edge-sites/${id}`),
      stranger.get(`/admin/edge-sites/${id}/leaf-server`),
      stranger.post(`/admin/edge-sites/${id}/leaf-server/regenerate`),
      stranger.post(`/admin/edge-sites/${id}/leaf-server/revoke-previous`),
      stranger.get(`/admin/edge-sites/${id}/bundle`),
      stranger.post(`/admin/edge-sites/${id}/download-tokens`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(404));
    expect((await stranger.get<{ data: [] }>('/admin/edge-sites')).body.data).toEqual([]);
    expect((await owner.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`)).body.name).toBe('x');
  });

  it('leaves audit rows that say who did what', async () => {
    const { api } = await app.tenant('Audited');
    const { id } = await create(api, { name: 'x' });
    await provisioned(api, id);
    await api.delete(`/admin/edge-sites/${id}`);
    const { body } = await api.get<{ data: { action: string; actor: string; request_id: string | null }[] }>('/admin/audit-events');
    const actions = body.data.map(({ action }) => action);
    for (const action of ['edge_site.create', 'nats_leaf_server.provision', 'certificate.revoke', 'nats_user.revoke', 'edge_site.delete']) {
      expect(actions).toContain(action);
    }
    const deletion = body.data.find(({ action }) => action === 'edge_site.delete');
    expect(deletion).toMatchObject({ actor: expect.stringMatching(/^api_key:/), request_id: expect.any(String) });
  });
});

describe('an edge site that is still pending', () => {
  let idle: TestApp;
  let api: Api;
  beforeAll(async () => {
    idle = await startTestApp({ ROLES: 'api' });
    ({ api } = await idle.tenant('Waiting'));
  });
  afterAll(() => idle.close());

  it('is not regenerated, for a generation is being made', async () => {
    const { id } = await create(api, { name: 'x' });
    const { status, body } = await api.post<Problem>(`/admin/edge-sites/${id}/leaf-server/regenerate`);
    expect([status, body.code]).toEqual([409, 'illegal_transition']);
    expect(body.detail).toContain('is pending');
    expect((await api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`)).body.leaf_server).toMatchObject({ status: 'pending', generation: 1 });
  });

  it('keeps its previous generations, for nothing could take over', async () => {
    const { id } = await create(api, { name: 'w' });
    const { status, body } = await api.post<Problem>(`/admin/edge-sites/${id}/leaf-server/revoke-previous`);
    expect([status, body.code]).toEqual([409, 'not_provisioned']);
    expect(body.detail).toContain('Generation 1, which is to take over, is being made.');
  });

  it('gets a new generation when its configuration is changed, and none when only its name is', async () => {
    const { id } = await create(api, { name: 'y' });
    const change = async (changes: object) => (await api.patch<EdgeSiteDto>(`/admin/edge-sites/${id}`, changes)).body.leaf_server;
    expect(await change({ name: 'z' })).toMatchObject({ status: 'pending', generation: 1 });
    expect(await change({ local_listen: '0.0.0.0:5222' })).toMatchObject({ status: 'pending', generation: 2, local_listen: '0.0.0.0:5222' });
  });
});

describe('what a site is asked to be', () => {
  it('is refused where the leaf could not start, or its certificate would pass for the hub in another spelling', async () => {
    const { api } = await app.tenant('Careful');
    const refused = async (site: object) => (await api.post<Problem>('/admin/edge-sites', { name: 'x', ...site })).body.errors?.map(({ pointer }) => pointer);
    expect(await refused({ local_listen: '0.0.0.0:8222' })).toEqual(['/monitor_port']);
    expect(await refused({ server_sans: ['0.0.0.0', '::'] })).toEqual(['/server_sans/0', '/server_sans/1']);
  });

  it('may have a slug as long as a DNS label, though its JetStream domain has a prefix', async () => {
    const { api } = await app.tenant('Long');
    await create(api, { name: 'first' });
    const [one, two] = [`${'a'.repeat(62)}b`, `${'a'.repeat(62)}c`];
    const domains = [];
    for (const slug of [one, two]) {
      const { id } = await create(api, { name: 'x', slug });
      domains.push((await provisioned(api, id)).leaf_server.jetstream_domain);
    }
    expect(new Set(domains).size).toBe(2);
    for (const domain of domains) expect(domain).toMatch(/^edge-[a-z0-9-]{1,58}$/);
  });

  it('keeps the disk of a leaf that has buffered with it', async () => {
    const { api } = await app.tenant('Buffered');
    const { id } = await create(api, { name: 'x', jetstream_max_file_bytes: 2 ** 30 });
    const path = `/admin/edge-sites/${id}`;
    expect((await api.patch(path, { jetstream_max_file_bytes: 2 ** 29 })).status).toBe(200);
    await app.database.database.em('platform').execute('update nats_leaf_servers set connected_at = now() where edge_site_id = ?', [id]);
    const { status, body } = await api.patch<Problem>(path, { jetstream_max_file_bytes: 2 ** 28 });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, '/jetstream_max_file_bytes']);
    expect((await api.patch(path, { jetstream_max_file_bytes: 2 ** 30 })).status).toBe(200);
  });
});

describe('a URL with a NUL', () => {
  it.each(['/admin/edge-sites?name=%00', '/admin/edge-sites?label=a%3D%00', '/pki/tenants/%00/crl'])('is malformed: %s', async (path) => {
    const { api } = await app.tenant(`Nul ${path.replace(/\W+/g, ' ')}`);
    const { status, body } = await api.get<Problem>(path);
    expect([status, body.code]).toEqual([400, 'malformed_request']);
  });
});

describe('a site whose leaf has connected', () => {
  let idle: TestApp;
  let api: Api;
  beforeAll(async () => {
    idle = await startTestApp({ ROLES: 'api' });
    ({ api } = await idle.tenant('Connected'));
  });
  afterAll(() => idle.close());

  it('is not deleted while it is away, unless what waits there may go', async () => {
    const { id } = await create(api, { name: 'x' });
    await idle.database.database.em('platform').execute('update nats_leaf_servers set connected_at = now() where edge_site_id = ?', [id]);
    const refused = await api.delete<Problem>(`/admin/edge-sites/${id}`);
    expect([refused.status, refused.body.code]).toEqual([409, 'buffer_unknown']);
    expect((await api.delete(`/admin/edge-sites/${id}?buffered=keep`)).status).toBe(422);
    expect((await api.get(`/admin/edge-sites/${id}`)).status).toBe(200);
    expect((await api.delete(`/admin/edge-sites/${id}?buffered=discard`)).status).toBe(204);
    const { body } = await api.get<{ data: { action: string; detail: object }[] }>('/admin/audit-events');
    expect(body.data.find(({ action }) => action === 'edge_site.delete')?.detail).toMatchObject({ discarded: null });
  });

  it('is nothing that a viewer or another tenant hears of by trying to delete it', async () => {
    const { id } = await create(api, { name: 'y' });
    await idle.database.database.em('platform').execute('update nats_leaf_servers set connected_at = now() where edge_site_id = ?', [id]);
    const { api: stranger } = await idle.tenant('Curious');
    const viewer = await idle.keyOf('connected', 'viewer');
    expect((await stranger.delete(`/admin/edge-sites/${id}`)).status).toBe(404);
    expect((await viewer.delete(`/admin/edge-sites/${id}`)).status).toBe(403);
  });
});
