import { createPublicKey, X509Certificate } from 'node:crypto';
import { parseEnrollmentToken } from '#libs/contracts';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { CertificateDto } from '../../../src/pki/dto/certificate.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingEventDto, OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { unpack } from '../../support/unpack.js';

interface Problem {
  code: string;
  detail: string;
  errors?: { pointer: string; code: string; detail: string }[];
}

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let site: EdgeSiteDto;

beforeAll(async () => {
  app = await startTestApp({ GATEWAY_ADDRESS: 'gateway.example.com:50052' });
  acme = await app.tenant('Acme');
  site = await newSite('Hamburg');
});
afterAll(() => app.close());

const newSite = (name: string) => ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name }));

let count = 0;
const asked = (more: object = {}) => ({ label: 'Agent `$(touch x)`', component_type: 'agent', component_id: `agent-${++count}`, edge_site_id: site.id, ...more });
const issue = (more: object = {}) => ok(acme.api.post<OnboardingPackageDto>('/admin/edge-packages', asked(more)));
const now = ({ id }: { id: string }) => ok(acme.api.get<OnboardingPackageDto>(`/admin/edge-packages/${id}`));
const tokenFor = ({ id }: { id: string }) => ok(acme.api.post<DownloadTokenDto>(`/admin/edge-packages/${id}/download-tokens`));
const download = <T = Buffer>({ id }: { id: string }, token: string) =>
  app.admin.as({}).call<T>('POST', `/edge-packages/${id}/bundle`, { headers: { 'x-serviceradar-download-token': token } });
const events = async ({ id }: { id: string }) =>
  (await ok(acme.api.get<{ data: OnboardingEventDto[] }>(`/admin/edge-packages/${id}/events`))).data.map(({ event }) => event).reverse();
const certificatesOf = async ({ component_id: id }: OnboardingPackageDto) =>
  (await ok(acme.api.get<{ data: CertificateDto[] }>('/admin/certificates?kind=agent&limit=200'))).data.filter(({ spiffe_id }) => spiffe_id?.endsWith(`/${id}`));

describe('an onboarding package', () => {
  it('is issued with the certificate of its component', async () => {
    const issued = await issue();
    expect(issued).toMatchObject({ label: 'Agent `$(touch x)`', component_type: 'agent', status: 'issued', edge_site_id: site.id, delivered_at: null });
    expect((await certificatesOf(issued)).map(({ status, spiffe_id: id }) => [status, id])).toEqual([
      ['issued', `spiffe://serviceradar.local/agent/acme/hamburg/${issued.component_id}`],
    ]);
    expect(await events(issued)).toEqual(['issued']);
  });

  it('is delivered with certificate, key, chain and the address of the gateway, and may be fetched again with another token', async () => {
    const issued = await issue();
    const answer = await download(issued, (await tokenFor(issued)).token);
    expect([answer.status, answer.headers.get('content-disposition')]).toEqual([200, `attachment; filename="edge-package-${issued.id.slice(0, 8)}.tar.gz"`]);
    const files = new Map([...(await unpack(answer.body))].map(([path, file]) => [path.replace(/^[^/]+\//, ''), file]));
    expect([...files.keys()].sort()).toEqual(['README.md', 'SHA256SUMS', 'certs/ca-chain.pem', 'certs/component-key.pem', 'certs/component.pem', 'config/gateway.json']);
    expect(files.get('certs/component-key.pem')!.mode).toBe('600');
    expect(JSON.parse(files.get('config/gateway.json')!.text)).toMatchObject({
      gateway_address: 'gateway.example.com:50052',
      server_name: 'agent-gateway.serviceradar',
      component_id: issued.component_id,
      component_type: 'agent',
    });
    const certificate = new X509Certificate(files.get('certs/component.pem')!.text);
    expect(certificate.subject).toContain('CN=agent.hamburg.acme.serviceradar');
    expect((await now(issued)).status).toBe('delivered');

    expect((await download(issued, (await tokenFor(issued)).token)).body.equals(answer.body)).toBe(true);
    expect(await events(issued)).toEqual(['issued', 'delivered', 'delivered']);
  });

  it('is found by site, state and type', async () => {
    const other = await newSite('Bremen');
    const one = await issue({ edge_site_id: other.id });
    const two = await issue({ edge_site_id: other.id, component_type: 'checker' });
    const ids = async (query: string) => (await ok(acme.api.get<{ data: OnboardingPackageDto[] }>(`/admin/edge-packages?${query}`))).data.map(({ id }) => id);
    expect(await ids(`edge_site_id=${other.id}`)).toEqual([two.id, one.id]);
    expect(await ids(`edge_site_id=${other.id}&component_type=checker`)).toEqual([two.id]);
    expect(await ids(`edge_site_id=${other.id}&status=revoked`)).toEqual([]);
  });

  it('is the only good one of its component', async () => {
    const first = await issue();
    const again = await acme.api.post<Problem>('/admin/edge-packages', asked({ component_id: first.component_id }));
    expect([again.status, again.body.code]).toEqual([409, 'conflict']);
    await ok(acme.api.post(`/admin/edge-packages/${first.id}/revoke`));
    const second = await issue({ component_id: first.component_id });
    expect((await certificatesOf(second)).map(({ status }) => status).sort()).toEqual(['abandoned', 'issued', 'revoked']);
  });

  it('refuses what it cannot be, all at once', async () => {
    const answer = await acme.api.post<Problem>('/admin/edge-packages', { label: 'a\nb', component_type: 'toaster', component_id: 'a/b', edge_site_id: 'x', expires_in: 1, colour: 1 });
    expect(answer.status).toBe(422);
    expect(answer.body.errors!.map(({ pointer }) => pointer).sort()).toEqual(['/colour', '/component_id', '/component_type', '/edge_site_id', '/expires_in', '/label']);
  });

  it('is nobody else’s', async () => {
    const issued = await issue();
    const globex = await app.tenant('Globex');
    const calls = [
      globex.api.get(`/admin/edge-packages/${issued.id}`),
      globex.api.get(`/admin/edge-packages/${issued.id}/events`),
      globex.api.post(`/admin/edge-packages/${issued.id}/revoke`),
      globex.api.post(`/admin/edge-packages/${issued.id}/download-tokens`),
      globex.api.post('/admin/edge-packages', asked()),
    ];
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
  });
});

describe('revoking an onboarding package', () => {
  it('revokes its certificate, and its tokens are good for nothing', async () => {
    const issued = await issue();
    const { token } = await tokenFor(issued);
    expect((await ok(acme.api.post<OnboardingPackageDto>(`/admin/edge-packages/${issued.id}/revoke`))).status).toBe('revoked');
    expect((await certificatesOf(issued)).map(({ status }) => status)).toEqual(['revoked']);
    expect((await download(issued, token)).status).toBe(404);
    expect((await acme.api.post(`/admin/edge-packages/${issued.id}/download-tokens`)).status).toBe(409);
    expect((await acme.api.post(`/admin/edge-packages/${issued.id}/revoke`)).status).toBe(409);
    expect(await events(issued)).toEqual(['issued', 'revoked']);
  });
});

describe('an onboarding package that nobody activates in time', () => {
  it('expires with its certificate', async () => {
    const issued = await issue();
    const { token } = await tokenFor(issued);
    await app.database.database.em('platform').execute(`update onboarding_packages set expires_at = now() - interval '1 second' where id = ?`, [issued.id]);
    await until('it has expired', async () => (await now(issued)).status === 'expired');
    expect((await certificatesOf(issued)).map(({ status }) => status)).toEqual(['revoked']);
    expect((await download(issued, token)).status).toBe(404);
    expect(await events(issued)).toEqual(['issued', 'expired']);
    expect((await issue({ component_id: issued.component_id })).status).toBe('issued');
  });
});

describe('the token of an onboarding package', () => {
  it('is signed, and good for one download of that package', async () => {
    const [issued, other] = [await issue(), await issue()];
    const { token } = await tokenFor(issued);
    const key = createPublicKey((await ok(app.admin.as({}).get<Buffer>('/pki/enrollment-key'))).toString());
    expect(parseEnrollmentToken(token, key, new Date()).packageId).toBe(issued.id);
    expect((await download(other, token)).status).toBe(404);
    const answers = await Promise.all(Array.from({ length: 16 }, () => download(issued, token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(15).fill(404)]);
  });
});

describe('deleting a site that has onboarding packages', () => {
  it('is refused with their list, and revokes them when asked to', async () => {
    const leaving = await newSite('Leaving');
    const issued = await issue({ edge_site_id: leaving.id });
    const refused = await acme.api.delete<Problem>(`/admin/edge-sites/${leaving.id}`);
    expect([refused.status, refused.body.code]).toEqual([409, 'site_in_use']);
    expect(refused.body.errors).toEqual([{ pointer: '', code: 'onboarding_package', detail: `Agent \`$(touch x)\` (${issued.id})` }]);
    expect((await acme.api.delete(`/admin/edge-sites/${leaving.id}?collectors=detach`)).status).toBe(204);
    expect(await now(issued)).toMatchObject({ status: 'revoked', edge_site_id: null });
    expect((await certificatesOf(issued)).map(({ status }) => status)).toEqual(['revoked']);
  });
});
