import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { NatsLeafServer } from '#libs/model';
import type { Api } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { openLeafSecrets, sealLeafBundle } from '../../../src/edge-sites/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { unpack } from '../../support/unpack.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

async function siteOf(api: Api, name = 'New York plant', more: object = {}): Promise<EdgeSiteDto> {
  const { body } = await api.post<EdgeSiteDto>('/admin/edge-sites', { name, ...more });
  return until('the leaf is provisioned', async () => {
    const site = await api.get<EdgeSiteDto>(`/admin/edge-sites/${body.id}`);
    return site.body.leaf_server.status === 'provisioned' && site.body;
  });
}

const byToken = (site: EdgeSiteDto, token: string) =>
  app.admin.as({}).call<Buffer>('POST', `/edge-sites/${site.id}/bundle`, { headers: { 'x-serviceradar-download-token': token } });

const tokenFor = async (api: Api, site: EdgeSiteDto, body = {}) =>
  (await api.post<DownloadTokenDto>(`/admin/edge-sites/${site.id}/download-tokens`, body)).body;

interface DownloadEvent {
  action: string;
  request_id: string;
  detail: { generation?: number };
}

/** What is written down of the downloads of a tenant. */
async function downloadsOf(api: Api): Promise<DownloadEvent[]> {
  const { data } = (await api.get<{ data: DownloadEvent[] }>('/admin/audit-events?limit=200')).body;
  return data.filter(({ action }) => action === 'edge_site_bundle.download');
}

describe('the bundle of a site', () => {
  it('has the files, modes and one top folder that the contract says', async () => {
    const { api } = await app.tenant('Layout');
    const site = await siteOf(api);
    const { body, headers } = await api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`);
    expect(headers.get('content-disposition')).toBe('attachment; filename="edge-site-new-york-plant.tar.gz"');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-length')).toBe(String(body.length));
    const files = await unpack(body);
    const top = 'edge-site-new-york-plant/';
    const modes = Object.fromEntries([...files].map(([path, { mode }]) => [path.replace(top, ''), mode]));
    expect([...files.keys()].every((path) => path.startsWith(top))).toBe(true);
    expect(modes).toMatchObject({
      'nats/nats-leaf.conf': '644',
      'nats/certs/nats-server.pem': '644',
      'nats/certs/nats-server-key.pem': '600',
      'nats/certs/nats-leaf.pem': '644',
      'nats/certs/nats-leaf-key.pem': '600',
      'nats/certs/ca-chain.pem': '644',
      'nats/certs/tenant-ca.pem': '644',
      'creds/tenant.creds': '600',
      'systemd/nats-leaf.service': '644',
      'docker-compose.yml': '644',
      'setup.sh': '755',
      'README.md': '644',
      SHA256SUMS: '644',
    });
    expect(Object.keys(modes).some((path) => path.startsWith('kubernetes/'))).toBe(true);
  });

  it('carries sums of all its files, whose own sum is the config_checksum', async () => {
    const { api } = await app.tenant('Sums');
    const site = await siteOf(api);
    const files = await unpack((await api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`)).body);
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const sums = files.get(`edge-site-${site.slug}/SHA256SUMS`)!.text;
    expect(sha256(sums)).toBe(site.leaf_server.config_checksum);
    const listed = Object.fromEntries(sums.trim().split('\n').map((line) => [line.slice(66), line.slice(0, 64)]));
    for (const [path, { text }] of files) {
      const name = path.replace(`edge-site-${site.slug}/`, '');
      if (name !== 'SHA256SUMS') expect([name, listed[name]]).toEqual([name, sha256(text)]);
    }
    expect(Object.keys(listed)).toHaveLength(files.size - 1);
  });

  it('is the same, byte for byte, for one generation, and another for the next', async () => {
    const { api } = await app.tenant('Same');
    const site = await siteOf(api);
    const download = async () => (await api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`)).body;
    const first = await download();
    expect(await download()).toEqual(first);
    await api.post(`/admin/edge-sites/${site.id}/leaf-server/regenerate`);
    await until('generation 2 has a bundle', async () => (await api.get(`/admin/edge-sites/${site.id}/bundle`)).status === 200);
    expect(gunzipSync(await download()).equals(gunzipSync(first))).toBe(false);
  });

  it('is gone with its site, however often it was downloaded', async () => {
    const { api } = await app.tenant('Gone');
    const site = await siteOf(api);
    const download = async () => (await api.get(`/admin/edge-sites/${site.id}/bundle`)).status;
    expect([await download(), await download()]).toEqual([200, 200]);
    expect((await api.delete(`/admin/edge-sites/${site.id}`)).status).toBe(204);
    expect(await download()).toBe(404);
  });

  it('comes right to each of many who ask at the same time, and is written down for each', async () => {
    const [one, two] = await Promise.all([app.tenant('Crowd one'), app.tenant('Crowd two')]);
    const sites = await Promise.all([siteOf(one.api, 'A'), siteOf(one.api, 'B'), siteOf(two.api, 'A')]);
    const viewer = await app.keyOf(one.slug, 'viewer');
    const asked = Array.from({ length: 60 }, (_, at) => {
      const site = sites[at % 3]!;
      const [api, expected] = [
        [one.api, at % 3 === 2 ? 404 : 200],
        [two.api, at % 3 === 2 ? 200 : 404],
        [viewer, 403],
      ][Math.floor(at / 3) % 3] as [Api, number];
      return { site, api, expected };
    });
    const answers = await Promise.all(asked.map(({ site, api }) => api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`)));
    expect(answers.map(({ status }) => status)).toEqual(asked.map(({ expected }) => expected));
    for (const [at, { status, body }] of answers.entries()) {
      if (status !== 200) continue;
      const files = await unpack(body);
      const leaf = new X509Certificate(files.get(`edge-site-${asked[at]!.site.slug}/nats/certs/nats-leaf.pem`)!.text);
      const tenant = asked[at]!.api === one.api ? one.slug : two.slug;
      expect(leaf.subjectAltName).toContain(`/nats_leaf/${tenant}/${asked[at]!.site.slug}/leaf`);
    }
    const logged = [...(await downloadsOf(one.api)), ...(await downloadsOf(two.api))];
    expect(logged.every(({ detail }) => detail.generation === 1)).toBe(true);
    const given = answers.filter(({ status }) => status === 200).map(({ headers }) => headers.get('x-request-id'));
    expect(logged.map(({ request_id }) => request_id).sort()).toEqual(given.sort());
  });

  it('comes whole, however many pieces it is sealed in', async () => {
    const { api, id: tenantId } = await app.tenant('Large');
    const site = await siteOf(api);
    const archive = randomBytes(200_000);
    const em = app.database.database.em({ tenantId });
    const sealed = await sealLeafBundle(app.service.app.get(KeyRing, { strict: false }), { id: site.leaf_server.id, tenantId }, Readable.from([archive]));
    await em.nativeUpdate(NatsLeafServer, { edgeSiteId: site.id }, { bundleCiphertext: sealed });
    const { status, body, headers } = await api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`);
    expect([status, headers.get('content-type'), headers.get('content-length')]).toEqual([200, 'application/gzip', '200000']);
    expect(body.equals(archive)).toBe(true);
  });

  it('holds the key and creds that are on record, sealed', async () => {
    const { api, id: tenantId } = await app.tenant('Sealed');
    const site = await siteOf(api);
    const { body } = await api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`);
    const files = await unpack(body);
    const leaf = await app.database.database.em({ tenantId }).findOneOrFail(NatsLeafServer, { edgeSiteId: site.id }, {
      populate: ['leafKeyPemCiphertext', 'serverKeyPemCiphertext', 'credsCiphertext', 'controlCredsCiphertext', 'bundleCiphertext'],
    });
    const secrets = openLeafSecrets(app.service.app.get(KeyRing, { strict: false }), leaf);
    expect(files.get('edge-site-new-york-plant/nats/certs/nats-leaf-key.pem')!.text).toBe(secrets.leafKeyPem.reveal());
    expect(files.get('edge-site-new-york-plant/nats/certs/nats-server-key.pem')!.text).toBe(secrets.serverKeyPem.reveal());
    expect(files.get('edge-site-new-york-plant/creds/tenant.creds')!.text).toBe(secrets.creds.reveal());
    expect(files.get('edge-site-new-york-plant/creds/control.creds')!.text).toBe(secrets.controlCreds.reveal());
    expect((leaf.bundleCiphertext as Buffer).includes(body.subarray(0, 64))).toBe(false);
  });

  it('that was tampered with in the database is given to nobody', async () => {
    const { api } = await app.tenant('Tampered');
    const site = await siteOf(api);
    await app.database.database
      .em('platform')
      .execute(`update nats_leaf_servers set bundle_ciphertext = set_byte(bundle_ciphertext, 9000, get_byte(bundle_ciphertext, 9000) # 1) where edge_site_id = ?`, [site.id]);
    const answer = await api.get<{ code: string; detail: string }>(`/admin/edge-sites/${site.id}/bundle`);
    expect([answer.status, answer.body.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(answer.body)).not.toContain('nats_leaf_servers');
  });

  it('holds certificates of the tenant’s own CA for exactly this site', async () => {
    const { api, slug } = await app.tenant('Certified');
    const site = await siteOf(api, 'Hamburg');
    const files = await unpack((await api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`)).body);
    const certificate = (name: string) => new X509Certificate(files.get(`edge-site-hamburg/nats/certs/${name}`)!.text);
    const ca = certificate('tenant-ca.pem');
    const leaf = certificate('nats-leaf.pem');
    const listener = certificate('nats-server.pem');
    expect([leaf, listener].map((one) => one.verify(ca.publicKey))).toEqual([true, true]);
    expect(leaf.subjectAltName).toContain(`URI:spiffe://serviceradar.local/nats_leaf/${slug}/hamburg/leaf`);
    expect(listener.subject).toContain(`CN=nats-server.hamburg.${slug}.serviceradar`);
  });

  it('has a listener certificate that names where collectors find the site, and a leaf certificate that does not', async () => {
    const { api, slug } = await app.tenant('Found');
    await siteOf(api, 'Hamburg', { nats_leaf_url: 'tls://nats.hamburg.example:4222', server_sans: ['plant.example.com', '10.0.0.5', '2001:db8::5'] });
    const { data } = (await api.get<{ data: EdgeSiteDto[] }>('/admin/edge-sites')).body;
    const files = await unpack((await api.get<Buffer>(`/admin/edge-sites/${data[0]!.id}/bundle`)).body);
    const certificate = (name: string) => new X509Certificate(files.get(`edge-site-hamburg/nats/certs/${name}`)!.text);
    const listener = certificate('nats-server.pem');
    const own = `nats-server.hamburg.${slug}.serviceradar`;
    for (const host of ['nats.hamburg.example', 'plant.example.com', 'localhost', own]) {
      expect([host, listener.checkHost(host)]).toEqual([host, host]);
    }
    for (const address of ['10.0.0.5', '2001:db8::5', '127.0.0.1', '::1']) expect([address, listener.checkIP(address)]).toEqual([address, address]);
    expect(listener.checkHost('hub.example.com')).toBeUndefined();
    expect(certificate('nats-leaf.pem').checkHost('nats.hamburg.example')).toBeUndefined();
  });

  it('is refused while there is none', async () => {
    const idle = await startTestApp({ ROLES: 'api' });
    try {
      const { api } = await idle.tenant('Waiting');
      const { body: site } = await api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'x' });
      const bundle = await api.get<{ code: string }>(`/admin/edge-sites/${site.id}/bundle`);
      expect([bundle.status, bundle.body.code]).toEqual([409, 'not_provisioned']);
      expect(await downloadsOf(api)).toEqual([]);

      const { body } = await api.post<DownloadTokenDto>(`/admin/edge-sites/${site.id}/download-tokens`);
      const headers = { 'x-serviceradar-download-token': body.token };
      const download = () => api.as({}).call('POST', `/edge-sites/${site.id}/bundle`, { headers });
      expect((await download()).status).toBe(409);
      // The token is not used up by that.
      expect((await download()).status).toBe(409);
    } finally {
      await idle.close();
    }
  });

  it('is nothing for a viewer', async () => {
    const { api, slug } = await app.tenant('Viewed');
    const site = await siteOf(api);
    const viewer = await app.keyOf(slug, 'viewer');
    expect((await viewer.get(`/admin/edge-sites/${site.id}`)).status).toBe(200);
    expect((await viewer.get(`/admin/edge-sites/${site.id}/bundle`)).status).toBe(403);
    expect((await viewer.post(`/admin/edge-sites/${site.id}/download-tokens`)).status).toBe(403);
    const operator = await app.keyOf(slug, 'operator');
    expect((await operator.get(`/admin/edge-sites/${site.id}/bundle`)).status).toBe(200);
  });
});

describe('a download token', () => {
  it('is good for one download, and is stored nowhere', async () => {
    const { api } = await app.tenant('Once');
    const site = await siteOf(api);
    const { token, command } = await tokenFor(api, site);
    expect(command).toContain(token);
    const first = await byToken(site, token);
    expect([first.status, first.headers.get('content-type')]).toEqual([200, 'application/gzip']);
    expect((await byToken(site, token)).status).toBe(404);

    const em = app.database.database.em('platform');
    const rows = await em.execute<{ secret_hash: string; used_from: string }[]>('select * from download_tokens where object_id = ?', [site.id]);
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(rows).toEqual([expect.objectContaining({ used_from: '127.0.0.1' })]);
  });

  it('lets exactly one of 64 downloads at once through', async () => {
    const { api } = await app.tenant('Race');
    const site = await siteOf(api);
    const { token } = await tokenFor(api, site);
    // Who is told that too many ask at once asks again.
    const patiently = () =>
      until('it is not told to come again', async () => {
        const answer = await byToken(site, token);
        return answer.status !== 503 && answer;
      });
    const answers = await Promise.all(Array.from({ length: 64 }, patiently));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 404)).toHaveLength(63);
  });

  it('is answered alike when it is wrong, used, expired or another’s', async () => {
    const { api } = await app.tenant('Alike');
    const site = await siteOf(api, 'one');
    const other = await siteOf(api, 'two');
    const used = (await tokenFor(api, site)).token;
    await byToken(site, used);
    const expired = (await tokenFor(api, site)).token;
    await app.database.database.em('platform').execute(`update download_tokens set expires_at = now() where object_id = ? and used_at is null`, [site.id]);
    const foreign = (await tokenFor(api, other)).token;

    const answers = await Promise.all([used, expired, foreign, 'nonsense', `${foreign.slice(1)}A`].map((token) => byToken(site, token)));
    const bodies = answers.map(({ status, body }) => ({ status, ...(body as object), request_id: '' }));
    for (const body of bodies) expect(body).toEqual(bodies[0]);
    expect(bodies[0]).toMatchObject({ status: 404, code: 'not_found' });
    expect((await byToken(other, foreign)).status).toBe(200);
  });

  it('lives as long as was asked, a week at most', async () => {
    const { api } = await app.tenant('Lifetimes');
    const site = await siteOf(api);
    const seconds = async (body?: object) => Math.round((Date.parse((await tokenFor(api, site, body)).expires_at) - Date.now()) / 1000);
    expect(await seconds()).toBeGreaterThan(86_390);
    expect(await seconds({ expires_in: 60 })).toBeLessThanOrEqual(60);
    expect((await api.post(`/admin/edge-sites/${site.id}/download-tokens`, { expires_in: 604_801 })).status).toBe(422);
  });
});
