import { type Api, ok } from '../../../lab/api.js';
import type { CheckDto } from '../../../src/checks/dto/check.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { Agent, identityOf, refusalOf } from './agent.js';

interface Config {
  not_modified: boolean;
  config_version: string;
  config_timestamp: string;
  checks: { check_id: string; check_type: string; name: string; settings: Record<string, string> }[];
}

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
const agents: Agent[] = [];

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,gateway' });
  acme = await app.tenant('Acme');
});
afterEach(() => agents.splice(0).forEach((agent) => agent.close()));
afterAll(() => app.close());

let count = 0;
async function siteWithAgent({ api } = acme) {
  const site = await ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg', slug: `hamburg-${++count}`, monitor_port: 8223 }));
  const asked = { label: 'An agent', component_type: 'agent', component_id: `agent-${count}`, edge_site_id: site.id };
  const issued = await ok(api.post<OnboardingPackageDto>('/admin/edge-packages', asked));
  const identity = await identityOf(api, issued);
  const agent = new Agent(identity, identity);
  agents.push(agent);
  const getConfig = agent.unary('GetConfig') as (request: object) => Promise<unknown> as (request: object) => Promise<Config>;
  const isOutdated = async (config_version: string) => (await agent.hello({ config_version })).config_outdated;
  const check = (more: object = {}) =>
    ok(api.post<CheckDto>('/admin/checks', { edge_site_id: site.id, name: `Check ${++count}`, check_type: 'icmp', target: 'plc.local', ...more }));
  return { site, issued, getConfig, isOutdated, check };
}

describe('an agent that asks for its configuration', () => {
  it('is told to look at the leaf, though nobody has said so', async () => {
    const { site, getConfig } = await siteWithAgent();
    const config = await getConfig({});
    expect(config).toMatchObject({ not_modified: false, heartbeat_interval_sec: 30, config_poll_interval_sec: 30 });
    expect(config.checks).toMatchObject([{ check_id: site.leaf_server.id, check_type: 'nats_leaf', name: 'nats-leaf', settings: { monitor_url: 'http://127.0.0.1:8223' } }]);
    expect(Number(config.config_timestamp)).toBe(Math.floor(Date.parse(site.updated_at) / 1000));
  });

  it('is told what is to be checked at its own site, as people said it, and nothing of any other', async () => {
    const [own, neighbour, foreign] = [await siteWithAgent(), await siteWithAgent(), await siteWithAgent(await app.tenant('Globex'))];
    const ping = await own.check({ name: 'Ping `$(touch x)` a"b %n 🏭' });
    const http = await own.check({ check_type: 'http', enabled: false, interval_sec: 60, timeout_sec: 7, settings: { scheme: 'https', tls_verify: 'false' }, publish_results: true });
    await neighbour.check({ name: 'the neighbour’s' });
    await foreign.check({ name: 'Globex’s' });
    const { checks } = await own.getConfig({});
    expect(checks.map(({ name }) => name)).toEqual(['nats-leaf', 'Ping `$(touch x)` a"b %n 🏭', http.name]);
    expect(checks[1]).toMatchObject({ check_id: ping.id, check_type: 'icmp', enabled: true, target: 'plc.local', port: 0, path: '', settings: {}, publish_results: false });
    expect(checks[2]).toEqual({
      check_id: http.id,
      check_type: 'http',
      name: http.name,
      enabled: false,
      interval_sec: 60,
      timeout_sec: 7,
      target: 'plc.local',
      port: 443,
      path: '/',
      method: 'GET',
      settings: { scheme: 'https', tls_verify: 'false' },
      publish_results: true,
    });
  });

  it('is spared what it has, and told by its hello whether that is outdated', async () => {
    const { getConfig, isOutdated, check } = await siteWithAgent();
    const { config_version: first } = await getConfig({});
    expect(await getConfig({ config_version: first })).toMatchObject({ not_modified: true, config_version: first, checks: [], heartbeat_interval_sec: 30 });
    expect([await isOutdated(first), await isOutdated(''), await isOutdated('another')]).toEqual([false, true, true]);

    const { id } = await check();
    const second = await getConfig({ config_version: first });
    expect([second.not_modified, second.checks.length, await isOutdated(first)]).toEqual([false, 2, true]);
    await ok(acme.api.patch(`/admin/checks/${id}`, { enabled: false }));
    const third = await getConfig({ config_version: second.config_version });
    expect([third.not_modified, await isOutdated(third.config_version)]).toEqual([false, false]);
    await acme.api.delete(`/admin/checks/${id}`);
    expect((await getConfig({ config_version: third.config_version })).config_version).toBe(first);
  });

  it('is told the port that the leaf is monitored at, when that is changed', async () => {
    const { site, getConfig } = await siteWithAgent();
    const { config_version } = await getConfig({});
    await ok(acme.api.patch(`/admin/edge-sites/${site.id}`, { monitor_port: 8300 }));
    expect(await getConfig({ config_version })).toMatchObject({ not_modified: false, checks: [{ settings: { monitor_url: 'http://127.0.0.1:8300' } }] });
  });

  it('may not say that it is another, and is refused once it is revoked', async () => {
    const { issued, getConfig } = await siteWithAgent();
    expect(await refusalOf(getConfig({ agent_id: 'another' }))).toBe('PERMISSION_DENIED');
    expect(await refusalOf(getConfig({ agent_id: issued.component_id }))).toBe('answered');
    await ok(acme.api.post(`/admin/edge-packages/${issued.id}/revoke`));
    expect(await refusalOf(getConfig({}))).toBe('UNAUTHENTICATED');
  });
});
