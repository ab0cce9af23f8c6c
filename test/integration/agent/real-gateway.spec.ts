import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentProcess } from '../../../lab/agent-process.js';
import { type Api, ok } from '../../../lab/api.js';
import { temporaryDirectory } from '../../../lab/temporary-directory.js';
import { until } from '../../../lab/until.js';
import { GatewayClock, systemClock } from '../../../agent/clock.js';
import { GatewayClient } from '../../../agent/gateway/gateway-client.js';
import type { GatewayFile } from '../../../agent/identity/gateway-file.js';
import { type Identity, IdentityStore, validityOf } from '../../../agent/identity/identity.js';
import { renew } from '../../../agent/identity/renewal.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { identityOf } from '../gateway/agent.js';

let app: TestApp;
let acme: Api;
let issued: OnboardingPackageDto;
let directory: string;
let gateway: GatewayFile;
let enrolled: Identity;
const clients: GatewayClient[] = [];

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,gateway' });
  acme = (await app.tenant('Acme')).api;
  const site = await ok(acme.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg' }));
  const asked = { label: 'An agent', component_type: 'agent', component_id: 'agent-1', edge_site_id: site.id };
  issued = await ok(acme.post<OnboardingPackageDto>('/admin/edge-packages', asked));
  const { address, serverName, cert, key, ca } = await identityOf(acme, issued);
  directory = temporaryDirectory();
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  mkdirSync(join(directory, 'state'));
  gateway = { componentId: 'agent-1', address, serverName, certFile: file('c.pem', cert), keyFile: file('k.pem', key), caFile: file('ca.pem', ca), stateDirectory: join(directory, 'state') };
  enrolled = { certificatePem: cert, keyPem: key, caChainPem: ca };
});
afterAll(async () => {
  clients.forEach((client) => client.close());
  await app.close();
  rmSync(directory, { recursive: true });
});

const as = (identity: Identity) => {
  const client = new GatewayClient(gateway, identity);
  clients.push(client);
  return client;
};

describe('an agent that enrols with a token', () => {
  it('downloads its package, once', async () => {
    const agent = new AgentProcess({ directory });
    const { token } = await ok(acme.post<DownloadTokenDto>(`/admin/edge-packages/${issued.id}/download-tokens`));
    const enrol = () => agent.command(['enrol', '--token', token, '--dir', agent.home]);
    expect(await enrol()).toMatchObject({ code: 0, output: expect.stringContaining('The agent agent-1 has enrolled') });
    const again = await enrol();
    expect(again).toMatchObject({ code: 1, output: expect.stringMatching(/answered 404: /) });
    expect(again.output).not.toContain(token);
  });
});

describe('an agent at the gateway of the service', () => {
  it('says hello, and gets what it is to check', async () => {
    const client = as(enrolled);
    expect(await client.hello({ version: '0.1.0' })).toMatchObject({ accepted: true, agent_id: 'agent-1' });
    const { config_version: version, checks } = await client.getConfig('');
    expect(checks).toMatchObject([{ check_type: 'nats_leaf', name: 'nats-leaf', settings: { config_dir: '/etc/nats' } }]);
    expect(await client.getConfig(version)).toMatchObject({ not_modified: true, checks: [] });
  });

  it('has its reports taken, small ones and large ones', async () => {
    const service = (n: number) => ({ service_name: `service ${n}`, available: true, message: Buffer.from(JSON.stringify({ text: 'x'.repeat(1_000) })), service_type: 'tcp', response_time: 5, source: '' });
    const client = as(enrolled);
    await client.sendReports([{ services: [service(1)], timestamp: 1 }]);
    await client.sendReports([{ services: Array.from({ length: 300 }, (_, n) => service(n)), timestamp: 2 }, { services: [service(1)], timestamp: 3 }]);
  });

  it('gets a new certificate, which replaces the one before once it was shown', async () => {
    const client = as(enrolled);
    await client.hello({});
    // It is not given before a part of the life of the one before has passed.
    await app.database.database.em('platform').execute(`update certificates set not_before = not_before - interval '200 days' where kind = 'agent'`);
    const ask = () => renew(enrolled, (csr) => client.renewCertificate(csr), new GatewayClock(systemClock));
    // Times of certificates are whole seconds: one that was issued in the same is no newer.
    const renewed = await until('a newer certificate is issued', ask);
    expect(validityOf(renewed).to).toBeGreaterThan(validityOf(enrolled).to);
    const store = new IdentityStore(gateway);
    store.keep(renewed, enrolled);
    expect(store.load()[0]).toEqual(renewed);
    await as(renewed).hello({});
    await until('the one before is refused', () => as(enrolled).hello({}).then(() => false, () => true));
  });
});
