import { newId, systemClock, systemRandom } from '#libs/kernel';
import { Agent, AgentService } from '#libs/model';
import { type Api, ok } from '../../../lab/api.js';
import type { AgentDetailsDto, AgentDto } from '../../../src/agents/dto/agent.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let site: EdgeSiteDto;

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
  acme = await app.tenant('Acme');
  site = await newSite();
});
afterAll(() => app.close());

let count = 0;
const newSite = () => ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg', slug: `hamburg-${++count}` }));
const em = () => app.database.database.em(PLATFORM);

/** As the gateway writes it down. @param silence seconds since its last word */
async function come({ id: edgeSiteId }: EdgeSiteDto, silence = 0): Promise<string> {
  const now = systemClock.now();
  // Lists are in the order of ids, which two of one millisecond have not.
  const id = newId({ now: () => new Date(now.getTime() + ++count) }, systemRandom);
  const said = { version: '1.2.3', hostname: 'a"b $(touch x) 🏭', os: 'linux', arch: 'amd64', capabilities: ['nats_leaf'], labels: { rack: '4' }, configVersion: 'v1' };
  const seen = { gatewayId: 'gateway-1', firstSeenAt: now, lastSeenAt: new Date(now.getTime() - silence * 1000) };
  await em().insert(Agent, { id, tenantId: acme.id, edgeSiteId, agentId: `agent-${++count}`, ...said, ...seen });
  return id;
}
async function report(agentId: string, serviceName: string, available: boolean, details: Record<string, unknown> = {}): Promise<void> {
  const at = systemClock.now();
  const status = { serviceType: 'icmp', available, details, responseTimeNs: 1_250_000, reportedAt: at, changedAt: at };
  await em().insert(AgentService, { agentId, serviceName, tenantId: acme.id, edgeSiteId: site.id, ...status });
}
const get = (id: string) => ok(acme.api.get<AgentDetailsDto>(`/admin/agents/${id}`));

describe('an agent that has come', () => {
  it('is shown as it said that it is, and with what it checks, by name', async () => {
    const id = await come(site);
    await report(id, 'nats-leaf', true, { healthz: 'ok', streams: [] });
    await report(id, 'Camera `x`', false, { error: 'timeout' });
    const { first_seen_at, last_seen_at, services, ...agent } = await get(id);
    expect(agent).toMatchObject({
      id,
      edge_site_id: site.id,
      version: '1.2.3',
      hostname: 'a"b $(touch x) 🏭',
      os: 'linux',
      arch: 'amd64',
      capabilities: ['nats_leaf'],
      labels: { rack: '4' },
      config_version: 'v1',
      gateway_id: 'gateway-1',
      silent: false,
    });
    expect([first_seen_at, last_seen_at].map((at) => new Date(at).getTime())).not.toContain(NaN);
    expect(services).toMatchObject([
      { service_name: 'Camera `x`', service_type: 'icmp', available: false, details: { error: 'timeout' }, response_time_ms: 1.25 },
      { service_name: 'nats-leaf', available: true, details: { healthz: 'ok', streams: [] } },
    ]);
  });

  it('is silent when nothing came of it for 90 seconds', async () => {
    const [recent, silent] = [await come(site, 60), await come(site, 91)];
    expect([(await get(recent)).silent, (await get(silent)).silent]).toEqual([false, true]);
  });

  it('is listed with its site’s, newest first, without what it checks', async () => {
    const other = await newSite();
    const [first, second] = [await come(other), await come(other, 91)];
    const { data } = await ok(acme.api.get<{ data: AgentDto[] }>(`/admin/agents?edge_site_id=${other.id}`));
    expect(data.map(({ id, silent }) => [id, silent])).toEqual([
      [second, true],
      [first, false],
    ]);
    expect(data[0]).not.toHaveProperty('services');
  });

  it('is shown with 200 services at most', async () => {
    const id = await come(site);
    for (let number = 0; number <= 200; number++) await report(id, `service ${number}`, true);
    expect((await get(id)).services).toHaveLength(200);
  });

  it('is nobody else’s, and goes with its site', async () => {
    const leaving = await newSite();
    const id = await come(leaving);
    const { api } = await app.tenant('Globex');
    expect((await api.get(`/admin/agents/${id}`)).status).toBe(404);
    expect((await ok(api.get<{ data: AgentDto[] }>('/admin/agents'))).data).toEqual([]);
    await acme.api.delete(`/admin/edge-sites/${leaving.id}`);
    expect((await acme.api.get(`/admin/agents/${id}`)).status).toBe(404);
  });
});
