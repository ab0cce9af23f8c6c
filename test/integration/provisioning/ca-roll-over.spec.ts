import { X509Certificate } from 'node:crypto';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import { CaRollOverSweep } from '../../../src/ca-roll-over/ca-roll-over.sweep.js';
import type { TenantCaDto } from '../../../src/ca-roll-over/dto/tenant-ca.dto.js';
import type { CollectorPackageDto } from '../../../src/collectors/dto/collector.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { LeafPresence } from '../../../src/edge-sites/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { unpack } from '../../support/unpack.js';
import { opensslVerify } from '../pki/openssl.js';

const PATH = '/admin/pki/authorities';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,worker' });
});
afterAll(() => app.close());

const sweep = () => app.service.app.get(CaRollOverSweep, { strict: false }).run();
const execute = (sql: string, ...values: unknown[]) => app.database.database.em('platform').execute(sql, values);

/** What a tenant's people see and do. */
class Installation {
  private constructor(
    readonly id: string,
    readonly slug: string,
    readonly api: Api,
  ) {}

  static async of(name: string): Promise<Installation> {
    const { id, slug, api } = await app.tenant(name);
    return new Installation(id, slug, api);
  }

  async cas(): Promise<TenantCaDto[]> {
    return (await ok(this.api.get<{ data: TenantCaDto[] }>(PATH))).data;
  }

  /** Oldest first. */
  async statuses(): Promise<string[]> {
    return (await this.cas()).map(({ status }) => status).reverse();
  }

  async site(name: string): Promise<string> {
    const { id } = await ok(this.api.post<EdgeSiteDto>('/admin/edge-sites', { name, nats_leaf_url: 'tls://leaf.example.com:4222' }));
    await this.provisioned(id, 1);
    return id;
  }

  provisioned(id: string, generation: number) {
    return until(`generation ${generation} is provisioned`, async () => {
      const { leaf_server: leaf } = await ok(this.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`));
      return leaf.status !== 'pending' && leaf.generation === generation && leaf;
    });
  }

  connected(edgeSiteId: string, generation: number) {
    const link = { tenantId: this.id, edgeSiteId, generation, linkId: `hub:${generation}`, at: new Date() };
    return app.service.app.get(LeafPresence, { strict: false }).connected(link);
  }

  /** The certificates and CA files of a site's newest bundle. */
  async bundle(id: string) {
    const files = await unpack((await this.api.get<Buffer>(`/admin/edge-sites/${id}/bundle`)).body);
    const file = (name: string) => [...files].find(([path]) => path.endsWith(`/nats/certs/${name}`))![1].text;
    return { tenantCas: file('tenant-ca.pem'), chain: file('ca-chain.pem'), leaf: file('nats-leaf.pem'), listener: file('nats-server.pem') };
  }

  async collector(edge_site_id: string): Promise<CollectorPackageDto> {
    const { id } = await ok(this.api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger', edge_site_id }));
    return until('the collector is provisioned', async () => {
      const collector = await ok(this.api.get<CollectorPackageDto>(`/admin/collectors/${id}`));
      return collector.provisioned_at !== null && collector;
    });
  }

  async download({ id }: CollectorPackageDto) {
    const { token } = await ok(this.api.post<DownloadTokenDto>(`/admin/collectors/${id}/download-tokens`));
    const { body } = await app.admin.as({}).call<Buffer>('POST', `/collectors/${id}/bundle`, { headers: { 'x-serviceradar-download-token': token } });
    const files = await unpack(body);
    const file = (name: string) => [...files].find(([path]) => path.endsWith(`/${name}`))![1].text;
    return { chain: file('ca-chain.pem'), certificate: file('collector.pem') };
  }
}

const certificates = (pem: string) => pem.split(/(?<=-----END CERTIFICATE-----\n)/).filter((one) => one !== '').map((one) => new X509Certificate(one));
const serials = (pem: string) => certificates(pem).map(({ serialNumber }) => serialNumber.toLowerCase());
/** The certificate goes out with the CA that signed it. */
const issuerOf = (pem: string) => {
  const [certificate, issuer, ...more] = certificates(pem);
  expect(more).toEqual([]);
  expect(certificate!.verify(issuer!.publicKey)).toBe(true);
  return issuer!.serialNumber.toLowerCase();
};

describe('the roll-over of a tenant’s CA', () => {
  it('brings leaves and collectors files in which old and new certificates are good, in each phase', async () => {
    const tenant = await Installation.of('Acme');
    const site = await tenant.site('Plant');
    await tenant.connected(site, 1);
    const oldCollector = await tenant.collector(site);
    const [narrow, oldFiles] = [await tenant.bundle(site), await tenant.download(oldCollector)];
    const [old] = (await tenant.cas()) as [TenantCaDto];
    expect(serials(narrow.tenantCas)).toEqual([old.serial_number]);

    const next = await ok(tenant.api.post<TenantCaDto>(PATH));
    await sweep();
    await tenant.provisioned(site, 2);
    const wide = await tenant.bundle(site);
    expect(serials(wide.tenantCas)).toEqual([old.serial_number, next.serial_number]);
    expect(serials(wide.chain).slice(0, -1)).toEqual([old.serial_number, next.serial_number]);
    expect([issuerOf(wide.leaf), issuerOf(wide.listener)]).toEqual([old.serial_number, old.serial_number]);
    expect(serials((await tenant.download(oldCollector)).chain).slice(0, -1)).toEqual([old.serial_number, next.serial_number]);
    await sweep();
    expect(await tenant.statuses()).toEqual(['active', 'next']);
    expect(await tenant.provisioned(site, 2)).toMatchObject({ installed_generation: 1 });

    await tenant.connected(site, 2);
    await sweep();
    expect(await tenant.statuses()).toEqual(['retiring', 'active']);
    await tenant.provisioned(site, 3);
    const signedAnew = await tenant.bundle(site);
    expect(serials(signedAnew.tenantCas)).toEqual([next.serial_number, old.serial_number]);
    expect([issuerOf(signedAnew.leaf), issuerOf(signedAnew.listener)]).toEqual([next.serial_number, next.serial_number]);
    const newFiles = await tenant.download(await tenant.collector(site));
    expect([issuerOf(oldFiles.certificate), issuerOf(newFiles.certificate)]).toEqual([old.serial_number, next.serial_number]);

    const good = (chain: string, certificate: string) => opensslVerify({ trusted: chain, certificate });
    for (const chain of [wide.chain, signedAnew.chain, newFiles.chain]) {
      for (const certificate of [narrow.leaf, narrow.listener, oldFiles.certificate, signedAnew.leaf, signedAnew.listener, newFiles.certificate]) {
        expect(await good(chain, certificate)).toBe('OK');
      }
    }
    expect(await good(narrow.chain, newFiles.certificate)).not.toBe('OK');

    await tenant.connected(site, 3);
    await sweep();
    expect(await tenant.statuses()).toEqual(['retiring', 'active']);
    await ok(tenant.api.post(`/admin/collectors/${oldCollector.id}/revoke`));
    await sweep();
    expect(await tenant.statuses()).toEqual(['retired', 'active']);
    expect(serials((await tenant.download(await tenant.collector(site))).chain).slice(0, -1)).toEqual([next.serial_number]);
    expect(await tenant.provisioned(site, 3)).toMatchObject({ installed_generation: 3 });
  });

  it('begins by itself when the CA ends within 456 days, once, also when two workers see it', async () => {
    const tenant = await Installation.of('Begins');
    const site = await tenant.site('Plant');
    await tenant.connected(site, 1);
    await execute(`update tenant_cas set not_after = now() + interval '457 days' where tenant_id = ?`, tenant.id);
    await sweep();
    expect(await tenant.statuses()).toEqual(['active']);
    await execute(`update tenant_cas set not_after = now() + interval '455 days' where tenant_id = ?`, tenant.id);
    await Promise.all([sweep(), sweep()]);
    expect(await tenant.statuses()).toEqual(['active', 'next']);
    await tenant.provisioned(site, 2);
  });

  it('goes on 90 days before the end, whatever sites have installed', async () => {
    const tenant = await Installation.of('Late');
    const site = await tenant.site('Plant');
    await tenant.connected(site, 1);
    await ok(tenant.api.post(PATH));
    await sweep();
    await tenant.provisioned(site, 2);
    await execute(`update tenant_cas set not_after = now() + interval '89 days' where tenant_id = ? and status = 'active'`, tenant.id);
    await sweep();
    expect(await tenant.statuses()).toEqual(['retiring', 'active']);
    await tenant.provisioned(site, 3);
  });

  it('ends when the CA has ended, with what it signed', async () => {
    const tenant = await Installation.of('Ended');
    const site = await tenant.site('Plant');
    await tenant.connected(site, 1);
    const next = await ok(tenant.api.post<TenantCaDto>(PATH));
    await ok(tenant.api.post(`${PATH}/${next.id}/activate`, { force: true }));
    await sweep();
    expect(await tenant.statuses()).toEqual(['retiring', 'active']);
    await execute(`update certificates set not_after = now() - interval '1 day' where tenant_id = ? and generation = 1`, tenant.id);
    await execute(`update tenant_cas set not_after = now() - interval '1 day' where tenant_id = ? and status = 'retiring'`, tenant.id);
    await sweep();
    expect(await tenant.statuses()).toEqual(['retired', 'active']);
  });
});
