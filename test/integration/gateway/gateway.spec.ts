import { type Api, ok } from '../../../lab/api.js';
import { Agent as AgentRow, Certificate, OnboardingPackage, TenantCa } from '#libs/model';
import { generateKeyPair, planAgent, signCertificate } from '#libs/pki';
import { systemClock, systemRandom } from '#libs/kernel';
import { AuthorityService } from '../../../src/pki/index.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingEventDto, OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import type { CertificateDto } from '../../../src/pki/dto/certificate.dto.js';
import { issueTo, TestAuthority } from '../../../libs/pki/test-authority.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { Agent, type AgentIdentity, identityOf, refusalOf } from './agent.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let site: EdgeSiteDto;
let issued: OnboardingPackageDto;
let identity: AgentIdentity;
const agents: Agent[] = [];

beforeAll(async () => {
  app = await startTestApp();
  acme = await app.tenant('Acme');
  site = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg' }));
});
beforeEach(async () => {
  issued = await issue();
  identity = await identityOf(acme.api, issued);
});
afterEach(() => agents.splice(0).forEach((agent) => agent.close()));
afterAll(() => app.close());

let count = 0;
const issue = () => {
  const asked = { label: 'An agent', component_type: 'agent', component_id: `agent-${++count}`, edge_site_id: site.id };
  return ok(acme.api.post<OnboardingPackageDto>('/admin/edge-packages', asked));
};
const now = () => ok(acme.api.get<OnboardingPackageDto>(`/admin/edge-packages/${issued.id}`));
const events = async () => {
  const { data } = await ok(acme.api.get<{ data: OnboardingEventDto[] }>(`/admin/edge-packages/${issued.id}/events`));
  return data.map(({ event }) => event).reverse();
};
/** @param shown null for one that has no certificate */
const agent = (shown: { cert: string; key: string } | null = identity) => {
  const made = new Agent(identity, shown ?? undefined);
  agents.push(made);
  return made;
};

describe('an agent that says hello', () => {
  it('is told who it is, and activates its package, once', async () => {
    const hello = { agent_id: issued.component_id, version: '1.2.3', hostname: 'plant-7', os: 'linux', arch: 'amd64', partition: 'hamburg' };
    const before = Math.floor(Date.now() / 1000);
    const { hello: say } = agent();
    const answer = await say(hello);
    expect(answer).toMatchObject({ accepted: true, agent_id: issued.component_id, heartbeat_interval_sec: 30, config_outdated: true });
    expect(answer.gateway_id).not.toBe('');
    expect(Number(answer.server_time)).toBeGreaterThanOrEqual(before);
    const activated = await now();
    expect([activated.status, activated.activated_at !== null]).toEqual(['activated', true]);

    await say({});
    expect((await now()).activated_at).toBe(activated.activated_at);
    expect(await events()).toEqual(['issued', 'delivered', 'activated']);
    const { data } = await ok(acme.api.get<{ data: { action: string; actor: string; source_address: string; detail: object }[] }>('/admin/audit-events?limit=200'));
    expect(data.filter(({ action, actor }) => action === 'onboarding_package.activate' && actor.endsWith(issued.id))).toMatchObject([
      { source_address: '127.0.0.1', detail: { version: '1.2.3', hostname: 'plant-7', os: 'linux', arch: 'amd64' } },
    ]);
  });

  it('is put on record, as it was when it said so last', async () => {
    const { hello: say } = agent();
    const row = () => app.database.database.em('platform').findOneOrFail(AgentRow, { agentId: issued.component_id });
    await say({ version: '1.2.3', hostname: 'plant-7', os: 'linux', arch: 'amd64', capabilities: ['tcp', 'icmp'], labels: { rack: '4' }, config_version: 'c1' });
    const first = await row();
    const said = { version: '1.2.3', hostname: 'plant-7', os: 'linux', arch: 'amd64', capabilities: ['tcp', 'icmp'], labels: { rack: '4' }, configVersion: 'c1' };
    expect(first).toMatchObject({ tenantId: acme.id, edgeSiteId: site.id, ...said });
    expect(first.lastSeenAt).toEqual(first.firstSeenAt);

    const name = `a"b $(touch x) \`id\` '; rm %n \u0000\u0007\n😀`;
    await say({ version: '1.2.4', hostname: name, labels: { [name]: name } });
    const again = await row();
    const kept = `a"b $(touch x) \`id\` '; rm %n 😀`;
    expect(again).toMatchObject({ id: first.id, firstSeenAt: first.firstSeenAt, version: '1.2.4', hostname: kept, labels: { [kept]: kept }, capabilities: [], configVersion: '' });
    expect(again.lastSeenAt.getTime()).toBeGreaterThanOrEqual(first.lastSeenAt.getTime());
  });

  it('is put on record when its certificate came with no package, too', async () => {
    await app.database.database.em('platform').nativeUpdate(Certificate, { onboardingPackageId: issued.id }, { onboardingPackageId: null });
    await agent().hello({ version: '9' });
    expect(await app.database.database.em('platform').findOneOrFail(AgentRow, { agentId: issued.component_id })).toMatchObject({ edgeSiteId: site.id, version: '9' });
    expect((await now()).status).toBe('delivered');
  });

  it('is activated once by many hellos at the same time', async () => {
    const { hello } = agent();
    await Promise.all(Array.from({ length: 16 }, () => hello({})));
    expect(await events()).toEqual(['issued', 'delivered', 'activated']);
  });

  it.each([
    ['agent_id', 'another'],
    ['partition', 'bremen'],
  ])('may not say that it is another (%s)', async (field, value) => {
    expect(await refusalOf(agent().hello({ [field]: value }))).toBe('PERMISSION_DENIED');
    expect((await now()).status).toBe('delivered');
  });

  it('is refused once its package is revoked, on the connection that it has, too', async () => {
    const { hello } = agent();
    await hello({});
    await ok(acme.api.post(`/admin/edge-packages/${issued.id}/revoke`));
    expect(await refusalOf(hello({}))).toBe('UNAUTHENTICATED');
    expect(await refusalOf(agent().hello({}))).toBe('UNAUTHENTICATED');
    expect((await now()).status).toBe('revoked');
  });

  it('is refused when its certificate alone is revoked', async () => {
    const { data } = await ok(acme.api.get<{ data: CertificateDto[] }>('/admin/certificates?kind=agent&limit=200'));
    const { id } = data.find(({ spiffe_id }) => spiffe_id?.endsWith(`/${issued.component_id}`))!;
    await ok(acme.api.post(`/admin/certificates/${id}/revoke`, { reason: 'keyCompromise' }));
    expect(await refusalOf(agent().hello({}))).toBe('UNAUTHENTICATED');
  });

  it('gets no further than TLS without a certificate, or with one of another root', async () => {
    const stranger = new TestAuthority('acme');
    const { certificatePem, key } = issueTo(planAgent({ tenant: 'acme', site: 'hamburg', agentId: issued.component_id, issuer: stranger.tenant }, stranger.context), stranger.tenant);
    const cert = certificatePem + stranger.tenant.certificatePem + stranger.root.certificatePem;
    expect(await refusalOf(agent(null).hello({}))).toBe('UNAVAILABLE');
    expect(await refusalOf(agent({ cert, key: key.privateKeyPem.reveal() }).hello({}))).toBe('UNAVAILABLE');
  });

  it('is refused with a certificate that the tenant’s CA has signed and nobody has on record', async () => {
    const em = app.database.database.em('platform');
    const ca = await em.findOneOrFail(TenantCa, { tenantId: acme.id });
    const issuer = app.service.app.get(AuthorityService, { strict: false }).issuerOf(ca);
    const { privateKeyPem, publicKey } = generateKeyPair();
    const intent = planAgent({ tenant: 'acme', site: 'hamburg', agentId: issued.component_id, issuer }, { clock: systemClock, random: systemRandom });
    const { certificatePem } = signCertificate(intent, publicKey, issuer);
    expect(await refusalOf(agent({ cert: certificatePem + ca.certificatePem, key: privateKeyPem.reveal() }).hello({}))).toBe('UNAUTHENTICATED');
  });

  it('is refused while nobody was given its bundle', async () => {
    await app.database.database.em('platform').nativeUpdate(OnboardingPackage, { id: issued.id }, { status: 'issued' });
    expect(await refusalOf(agent().hello({}))).toBe('FAILED_PRECONDITION');
  });

  it('is refused when it sends more than an agent has to say', async () => {
    expect(await refusalOf(agent().hello({ hostname: 'x'.repeat(300_000) }))).toBe('RESOURCE_EXHAUSTED');
  });
});

describe('a gateway', () => {
  it('says which port it cannot listen on', async () => {
    const port = identity.address.split(':')[1]!;
    const message = `The gateway cannot listen: HOST and GATEWAY_PORT say 127.0.0.1:${port}, which is taken by another program.`;
    await expect(startTestApp({ GATEWAY_PORT: port, ROLES: 'gateway' })).rejects.toThrow(message);
  });
});
