import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnrollmentToken } from '#libs/contracts';
import { type Api, ok } from '../../../lab/api.js';
import { run } from '../../../lab/child.js';
import { until } from '../../../lab/until.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { CollectorPackageDto } from '../../../src/collectors/dto/collector.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { unpack } from '../../support/unpack.js';

interface Problem {
  code: string;
  detail: string;
  errors?: { pointer: string; code: string; detail: string }[];
}

let app: TestApp;
let acme: { id: string; slug: string; api: Api };

beforeAll(async () => {
  app = await startTestApp({ NATS_PUBLIC_URL: 'tls://hub.example.com:4222' });
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const URL_OF_LEAF = 'tls://nats.ny.acme.example:4222';

const newSite = (name: string, more: object = { nats_leaf_url: URL_OF_LEAF }) => ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name, ...more }));

const newCollector = (more: object = {}) => ok(acme.api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger', ...more }));

const now = ({ id }: { id: string }, api = acme.api) => ok(api.get<CollectorPackageDto>(`/admin/collectors/${id}`));

const provisioned = (collector: CollectorPackageDto) =>
  until('the package is provisioned', async () => {
    const current = await now(collector);
    return current.status === 'ready' && current;
  });

const tokenFor = ({ id }: { id: string }) => ok(acme.api.post<DownloadTokenDto>(`/admin/collectors/${id}/download-tokens`));

const download = <T = Buffer>({ id }: { id: string }, token: string) =>
  app.admin.as({}).call<T>('POST', `/collectors/${id}/bundle`, { headers: { 'x-serviceradar-download-token': token } });

describe('a collector package', () => {
  it('is pending when it is created, and says where it belongs', async () => {
    const site = await newSite('New York plant');
    const created = await newCollector({ edge_site_id: site.id, site: 'Rack 4 `$(touch x)`', hostname: 'syslog.acme.example' });
    expect(created).toMatchObject({
      collector_type: 'flowgger',
      status: 'pending',
      site: 'Rack 4 `$(touch x)`',
      hostname: 'syslog.acme.example',
      edge_site_id: site.id,
      edge_site: { id: site.id, name: 'New York plant', slug: 'new-york-plant', status: 'pending', nats_leaf_url: URL_OF_LEAF },
      nats_url: URL_OF_LEAF,
      config_outdated: false,
      last_error: null,
    });
    expect(created.user_name).toMatch(/^flowgger-new-york-plant-[0-9a-f]{8}$/);
  });

  it('is provisioned with a certificate for its name and host, and a user that may publish its subjects only', async () => {
    const site = await newSite('Boston');
    const { id, user_name: name } = await provisioned(await newCollector({ edge_site_id: site.id, hostname: 'syslog.acme.example' }));
    const { data } = await ok(acme.api.get<{ data: { kind: string; collector_package_id: string; edge_site_id: string; spiffe_id: string }[] }>('/admin/certificates?limit=50'));
    expect(data.filter((one) => one.collector_package_id === id)).toEqual([
      expect.objectContaining({ kind: 'collector', edge_site_id: site.id, spiffe_id: `spiffe://serviceradar.local/collector/acme/boston/${name}` }),
    ]);
    const users = await ok(acme.api.get<{ data: { name: string; publish: string[]; subscribe: string[]; expires_at: string }[] }>('/admin/nats/credentials'));
    const user = users.data.find((one) => one.name === name)!;
    expect(user.publish).toEqual(['logs.syslog', '$JS.API.INFO', '$JS.API.STREAM.NAMES', '$JS.API.STREAM.INFO.events']);
    expect(user.subscribe).toEqual(['_INBOX.>']);
    expect(Date.parse(user.expires_at)).toBeGreaterThan(Date.now());
  });

  it('outlives the generations of its site’s leaf', async () => {
    const site = await newSite('Chicago');
    const collector = await provisioned(await newCollector({ edge_site_id: site.id }));
    await until('the leaf is provisioned', async () => (await ok(acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${site.id}`))).leaf_server.status === 'provisioned');
    await ok(acme.api.post(`/admin/edge-sites/${site.id}/leaf-server/regenerate`));
    await until('generation 2 is provisioned', async () => {
      const { leaf_server: leaf } = await ok(acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${site.id}`));
      return leaf.status === 'provisioned' && leaf.generation === 2;
    });
    const { data } = await ok(acme.api.get<{ data: { collector_package_id: string; status: string }[] }>('/admin/certificates?limit=50'));
    expect(data.filter((one) => one.collector_package_id === collector.id).map(({ status }) => status)).toEqual(['issued']);
  });

  it('is found by site, state and type', async () => {
    const site = await newSite('Denver');
    const one = await provisioned(await newCollector({ edge_site_id: site.id }));
    const two = await newCollector({ edge_site_id: site.id, collector_type: 'trapd' });
    await provisioned(two);
    const ids = async (query: string) => (await ok(acme.api.get<{ data: CollectorPackageDto[] }>(`/admin/collectors?${query}`))).data.map(({ id }) => id);
    expect(await ids(`edge_site_id=${site.id}`)).toEqual([two.id, one.id]);
    expect(await ids(`edge_site_id=${site.id}&collector_type=flowgger`)).toEqual([one.id]);
    expect(await ids(`edge_site_id=${site.id}&status=revoked`)).toEqual([]);
    expect((await acme.api.get('/admin/collectors?status=lost')).status).toBe(422);
  });

  it('is nobody else’s', async () => {
    const collector = await newCollector();
    const globex = await app.tenant('Globex');
    for (const path of ['', '/renew', '/revoke-previous', '/revoke', '/retry', '/download-tokens']) {
      const call = path === '' ? globex.api.get(`/admin/collectors/${collector.id}`) : globex.api.post(`/admin/collectors/${collector.id}${path}`);
      expect([path, (await call).status]).toEqual([path, 404]);
    }
    const site = await newSite('Elsewhere');
    expect((await globex.api.post('/admin/collectors', { collector_type: 'flowgger', edge_site_id: site.id })).status).toBe(404);
    expect((await ok(globex.api.get<{ data: unknown[] }>('/admin/collectors'))).data).toEqual([]);
  });

  it('refuses what it cannot be, all at once', async () => {
    const answer = await acme.api.post<Problem>('/admin/collectors', { collector_type: 'telnet', hostname: 'a b', edge_site_id: 'x', site: 'a\nb', colour: 'red' });
    expect(answer.status).toBe(422);
    expect(answer.body.errors!.map(({ pointer }) => pointer).sort()).toEqual(['/collector_type', '/colour', '/edge_site_id', '/hostname', '/site']);
    const hub = await acme.api.post<Problem>('/admin/collectors', { collector_type: 'flowgger', hostname: 'hub.example.com' });
    expect([hub.status, hub.body.errors?.[0]?.pointer]).toEqual([422, '/hostname']);
    const gone = await newSite('Gone');
    await ok(acme.api.delete(`/admin/edge-sites/${gone.id}`));
    expect((await acme.api.post('/admin/collectors', { collector_type: 'flowgger', edge_site_id: gone.id })).status).toBe(404);
  });
});

describe('the overrides of a collector', () => {
  const refused = async (overrides: object) => {
    const answer = await acme.api.post<Problem>('/admin/collectors', { collector_type: 'netflow', config_overrides: overrides });
    return [answer.status, answer.body.errors?.map(({ pointer, code }) => [pointer, code])];
  };

  it('are refused by name when there are none such, or they are of the wrong kind', async () => {
    expect(await refused({ colour: 'red', listen_addr: 2055, batch_size: -1 })).toEqual([
      422,
      expect.arrayContaining([
        ['/config_overrides/colour', 'unknown_field'],
        ['/config_overrides/listen_addr', 'invalid'],
        ['/config_overrides/batch_size', 'invalid'],
      ]),
    ]);
  });

  it('are refused as a whole when they are too large', async () => {
    expect(await refused({ listen_addr: 'x'.repeat(10 * 1024) })).toEqual([422, [['/config_overrides', 'too_large']]]);
  });

  it('stand in the configuration', async () => {
    const collector = await provisioned(await newCollector({ collector_type: 'netflow', config_overrides: { listen_addr: '0.0.0.0:9995' } }));
    expect(collector.config_overrides).toEqual({ listen_addr: '0.0.0.0:9995' });
    const files = await unpack((await download(collector, (await tokenFor(collector)).token)).body);
    const text = files.get(`collector-package-${collector.id.slice(0, 8)}/config/netflow.json`)!.text;
    expect(JSON.parse(text)).toMatchObject({ listen_addr: '0.0.0.0:9995', stream_name: 'events' });
  });
});

describe('the bundle of a collector', () => {
  it('comes by the line that the API prints, to whoever runs it first', async () => {
    const collector = await provisioned(await newCollector());
    const { command } = await tokenFor(collector);
    const directory = mkdtempSync(join(tmpdir(), 'serviceradar-curl-'));
    expect((await run('sh', ['-c', command], { cwd: directory })).code).toBe(0);
    const files = await unpack(readFileSync(join(directory, `collector-package-${collector.id.slice(0, 8)}.tar.gz`)));
    expect([...files.keys()].every((path) => path.startsWith(`collector-package-${collector.id.slice(0, 8)}/`))).toBe(true);
    const again = await run('sh', ['-c', command], { cwd: directory });
    expect([again.code, again.output]).toEqual([22, expect.stringContaining('404')]);
    rmSync(directory, { recursive: true });
    expect(await now(collector)).toMatchObject({ status: 'downloaded', config_outdated: false });
  });

  it('is refused while there is none, which uses up no token', async () => {
    const idle = await startTestApp({ ROLES: 'api' });
    try {
      const { api } = await idle.tenant('Idle');
      const collector = await ok(api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger' }));
      const { token } = await ok(api.post<DownloadTokenDto>(`/admin/collectors/${collector.id}/download-tokens`));
      for (let time = 0; time < 2; time++) {
        const answer = await idle.admin.as({}).call<Problem>('POST', `/collectors/${collector.id}/bundle`, { headers: { 'x-serviceradar-download-token': token } });
        expect([answer.status, answer.body.code]).toEqual([409, 'not_provisioned']);
      }
    } finally {
      await idle.close();
    }
  });

  it('is refused while nobody has said how the leaf is reached, and says what to set', async () => {
    const site = await newSite('Unreachable', {});
    const collector = await provisioned(await newCollector({ edge_site_id: site.id }));
    expect(collector.nats_url).toBeNull();
    const { token } = await tokenFor(collector);
    const refused = await download<Problem>(collector, token);
    expect([refused.status, refused.body.code]).toEqual([409, 'nats_leaf_url_missing']);
    expect(refused.body.detail).toContain(`PATCH /api/admin/edge-sites/${site.id}`);
    await ok(acme.api.patch(`/admin/edge-sites/${site.id}`, { nats_leaf_url: 'tls://found.acme.example:4222' }));
    expect((await download(collector, token)).status).toBe(200);
  });

  it('is outdated when the address of its leaf changes, until it is fetched again with the same identity', async () => {
    const site = await newSite('Moving');
    const collector = await provisioned(await newCollector({ edge_site_id: site.id }));
    const fetch = async () => {
      const answer = await download(collector, (await tokenFor(collector)).token);
      expect(answer.status).toBe(200);
      return unpack(answer.body);
    };
    const first = await fetch();
    expect((await now(collector)).config_outdated).toBe(false);
    await ok(acme.api.patch(`/admin/edge-sites/${site.id}`, { nats_leaf_url: 'tls://moved.acme.example:4222' }));
    expect(await now(collector)).toMatchObject({ config_outdated: true, nats_url: 'tls://moved.acme.example:4222' });
    const second = await fetch();
    expect((await now(collector)).config_outdated).toBe(false);
    const folder = `collector-package-${collector.id.slice(0, 8)}`;
    const config = `${folder}/config/flowgger.toml`;
    expect(first.get(config)!.text).toContain('nats.ny.acme.example');
    expect(second.get(config)!.text).toContain('moved.acme.example');
    for (const path of ['creds/nats.creds', 'certs/collector.pem', 'certs/collector-key.pem']) {
      expect(second.get(`${folder}/${path}`)).toEqual(first.get(`${folder}/${path}`));
    }
    const certificate = new X509Certificate(first.get(`${folder}/certs/collector.pem`)!.text);
    expect(certificate.subjectAltName).toContain(`URI:spiffe://serviceradar.local/collector/acme/moving/${collector.user_name}`);
  });
});

describe('an enrolment token', () => {
  it('is signed with the key that everybody can fetch', async () => {
    const collector = await newCollector();
    const { token, expires_at: expiresAt } = await tokenFor(collector);
    const pem = (await ok(app.admin.as({}).get<Buffer>('/pki/enrollment-key'))).toString();
    const ticket = parseEnrollmentToken(token, createPublicKey(pem), new Date());
    expect(ticket).toMatchObject({ packageId: collector.id, configFile: 'flowgger.toml' });
    expect(ticket.apiUrl).toMatch(/\/api$/);
    expect(Math.abs(ticket.expiresAt.getTime() - Date.parse(expiresAt))).toBeLessThan(1000);
  });

  it('is answered alike when it is changed, another package’s, used, or no token at all', async () => {
    const collector = await provisioned(await newCollector());
    const other = await provisioned(await newCollector());
    const { token } = await tokenFor(collector);
    const { token: foreign } = await tokenFor(other);
    const bare = parseEnrollmentToken(token, createPublicKey((await ok(app.admin.as({}).get<Buffer>('/pki/enrollment-key'))).toString()), new Date()).secret;
    const [payload, signature] = token.split('.') as [string, string];
    const changed = [
      `${payload}.${foreign.split('.')[1]}`,
      `${foreign.split('.')[0]}.${signature}`,
      bare,
      foreign,
      'x',
      token.slice(0, -4),
    ];
    const answers = await Promise.all(changed.map((one) => download<Problem>(collector, one)));
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(changed.map(() => [404, 'not_found']));
    expect(new Set(answers.map(({ body }) => body.detail)).size).toBe(1);
    expect((await download(collector, token)).status).toBe(200);
    expect((await download(collector, token)).status).toBe(404);
  });

  it('is good for nothing once its package is revoked', async () => {
    const collector = await provisioned(await newCollector());
    const { token } = await tokenFor(collector);
    await ok(acme.api.post(`/admin/collectors/${collector.id}/revoke`));
    expect((await download(collector, token)).status).toBe(404);
    const refused = await acme.api.post<Problem>(`/admin/collectors/${collector.id}/download-tokens`);
    expect([refused.status, refused.body.code]).toEqual([409, 'illegal_transition']);
  });
});

describe('revoking a package', () => {
  it('revokes its certificate and its user, once', async () => {
    const collector = await provisioned(await newCollector());
    expect(await ok(acme.api.post(`/admin/collectors/${collector.id}/revoke`))).toMatchObject({ status: 'revoked', revoked_at: expect.any(String) });
    const certificates = await ok(acme.api.get<{ data: { collector_package_id: string; status: string }[] }>('/admin/certificates?limit=50'));
    expect(certificates.data.filter((one) => one.collector_package_id === collector.id).map(({ status }) => status)).toEqual(['revoked']);
    const users = await ok(acme.api.get<{ data: { name: string; revoked_at: string | null }[] }>('/admin/nats/credentials?limit=50'));
    expect(users.data.find(({ name }) => name === collector.user_name)!.revoked_at).not.toBeNull();
    expect((await acme.api.post(`/admin/collectors/${collector.id}/revoke`)).status).toBe(409);
  });

  it('is not possible while it is pending', async () => {
    const idle = await startTestApp({ ROLES: 'api' });
    try {
      const { api } = await idle.tenant('Idle');
      const collector = await ok(api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger' }));
      const refused = await api.post<Problem>(`/admin/collectors/${collector.id}/revoke`);
      expect([refused.status, refused.body.code]).toEqual([409, 'illegal_transition']);
    } finally {
      await idle.close();
    }
  });
});

describe('deleting a site that has packages', () => {
  it('is refused with their list', async () => {
    const site = await newSite('Busy');
    const [one, two] = [await newCollector({ edge_site_id: site.id }), await newCollector({ edge_site_id: site.id, collector_type: 'otel' })];
    const refused = await acme.api.delete<Problem>(`/admin/edge-sites/${site.id}`);
    expect([refused.status, refused.body.code]).toEqual([409, 'site_in_use']);
    expect(refused.body.errors!.map(({ code, detail }) => [code, detail])).toEqual([
      ['collector_package', `${two.user_name} (${two.id})`],
      ['collector_package', `${one.user_name} (${one.id})`],
    ]);
    expect((await acme.api.delete(`/admin/edge-sites/${site.id}?collectors=burn`)).status).toBe(422);
  });

  it('lets them fall back to the hub when asked to, outdated and with their identity', async () => {
    const site = await newSite('Leaving');
    const collector = await provisioned(await newCollector({ edge_site_id: site.id }));
    await download(collector, (await tokenFor(collector)).token);
    expect((await acme.api.delete(`/admin/edge-sites/${site.id}?collectors=detach`)).status).toBe(204);
    expect(await now(collector)).toMatchObject({
      status: 'downloaded',
      edge_site: null,
      edge_site_id: null,
      nats_url: 'tls://hub.example.com:4222',
      config_outdated: true,
    });
    const { data } = await ok(acme.api.get<{ data: { collector_package_id: string; status: string }[] }>('/admin/certificates?limit=100'));
    expect(data.filter((one) => one.collector_package_id === collector.id).map(({ status }) => status)).toEqual(['issued']);
    expect((await download(collector, (await tokenFor(collector)).token)).status).toBe(200);
  });

  it('is not hindered by packages that are revoked', async () => {
    const site = await newSite('Quiet');
    const collector = await provisioned(await newCollector({ edge_site_id: site.id }));
    await ok(acme.api.post(`/admin/collectors/${collector.id}/revoke`));
    expect((await acme.api.delete(`/admin/edge-sites/${site.id}`)).status).toBe(204);
  });
});
