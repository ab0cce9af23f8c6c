import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import type { LeafFindings } from '#libs/contracts';
import type { OnboardingPackageDto } from '../../src/onboarding/dto/onboarding-package.dto.js';
import { AgentProcess } from '../../lab/agent-process.js';
import { type Api, ok } from '../../lab/api.js';
import type { Deployment } from '../../lab/deployment.js';
import { freePort } from '../../lab/free-port.js';
import { read } from '../../lab/messages.js';
import { connectToHub } from '../../lab/nats-client.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import type { Service } from '../../lab/service.js';
import type { Site } from '../../lab/site.js';
import type { Tenant } from '../../lab/tenant.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

interface AgentService {
  service_name: string;
  available: boolean;
  details: Record<string, unknown>;
}

/** A line of what was published. */
interface Finding {
  time: string;
  name: string;
  available: boolean;
}

const RESULTS = 'agent.results.new-york.checks';

/** An agent as the API shows it. */
interface ShownAgent {
  id: string;
  agent_id: string;
  version: string;
  last_seen_at: string;
  services: AgentService[];
}

const GATEWAY_PORT = String(await freePort());
const env = { ROLES: 'api,worker,monitor', GATEWAY_PORT, GATEWAY_ADDRESS: `127.0.0.1:${GATEWAY_PORT}`, AGENT_HEARTBEAT: '2' };

/** A gateway in a process of its own, to be killed. */
const startGateway = (deployment: Deployment) => deployment.startAnother('gateway', { ROLES: 'gateway', PORT: '0' });

describe.each(Object.entries(NATS_SERVERS))('an agent beside a leaf, on nats-server %s', (version, natsServer) => {
  let gateway: Service | undefined;
  let agent: AgentProcess;
  let issued: OnboardingPackageDto;
  let hub: NatsConnection | undefined;
  // Stands before the deployment, and so is done before it ends: an agent that hears nothing any more writes into its directory.
  afterAll(async () => {
    await hub?.close();
    await (agent as AgentProcess | undefined)?.kill();
    await gateway?.kill();
  });

  const lab = withDeployment(
    async (deployment) => {
      gateway = await startGateway(deployment);
      const acme = await deployment.tenant('Acme');
      const site = await acme.createSite('New York');
      await site.install();
      agent = new AgentProcess({ directory: deployment.directory });
      issued = await agent.install(acme, site, 'a"b $(touch x) `id` %n 🏭');
      agent.start();
      return { acme, site };
    },
    { natsServer, env },
  );

  const shown = async (api: Api, site: Site): Promise<ShownAgent | undefined> => {
    const { data } = await ok(api.get<{ data: ShownAgent[] }>(`/admin/agents?edge_site_id=${site.id}`));
    return data[0] && (await ok(api.get<ShownAgent>(`/admin/agents/${data[0].id}`)));
  };
  /** Waits until the API shows a service so. */
  const service = (tenant: Tenant, site: Site, name: string, is: (found: AgentService) => boolean) =>
    until(`${name} is shown so`, async () => {
      const found = (await shown(tenant.api, site))?.services.find(({ service_name: one }) => one === name);
      return found !== undefined && is(found) && found;
    });
  const leaf = ({ acme, site }: { acme: Tenant; site: Site }, is: (findings: LeafFindings, available: boolean) => boolean) =>
    service(acme, site, 'nats-leaf', ({ details, available }) => is(details as unknown as LeafFindings, available));
  const kept = (what = 'spool') => (existsSync(join(agent.home, 'state', what)) ? readdirSync(join(agent.home, 'state', what)) : []);
  /** What is in the tenant's stream of what checks have found, in its order; something is. */
  const published = async () => {
    const messages = await read(hub!, RESULTS, 1);
    return messages.flatMap(({ text }) => text.trim().split('\n').map((line) => JSON.parse(line) as Finding));
  };

  it('is known, and tells how the leaf is', lab(async ({ arranged }) => {
    const { details } = await leaf(arranged, ({ upstream_connected: connected }) => connected);
    expect(details).toMatchObject({ healthz: 'ok', error: null, rtt_ms: expect.any(Number), disk_free_bytes: expect.any(Number), buffer_max_bytes: expect.any(Number) });
    expect(version === 'latest' || String(details.server_version).startsWith(version)).toBe(true);
    expect(await shown(arranged.acme.api, arranged.site)).toMatchObject({ agent_id: 'agent-1', version: '0.1.0' });
    const { status } = await ok(arranged.acme.api.get<OnboardingPackageDto>(`/admin/edge-packages/${issued.id}`));
    expect(status).toBe('activated');
  }));

  it('tells of the leaf’s streams and what is in them', lab(async ({ arranged }) => {
    const { details } = await leaf(arranged, ({ streams }) => streams.length > 0);
    expect(details).toMatchObject({ streams: [{ name: 'events', messages: 0, bytes: 0 }], buffered_messages: 0 });
  }));

  it('tells what the leaf runs with, so that a change of it is drift, and no change is none', lab(async ({ arranged }) => {
    const { acme, site } = arranged;
    const drifted = async () => (await site.get()).leaf_server.drifted;
    const { config_checksum: rightful } = (await site.get()).leaf_server;
    await leaf(arranged, ({ config_checksum: checksum }) => checksum === rightful);
    const conf = join(site.leaf.prefix, 'etc/nats/nats-leaf.conf');
    const before = readFileSync(conf);
    appendFileSync(conf, '\n# changed at the site\n');
    await service(acme, site, 'nats-leaf', ({ details }) => details.config_checksum !== rightful);
    await until('the site has drifted', drifted);
    writeFileSync(conf, before);
    await until('the site has not drifted any more', async () => !(await drifted()));
  }));

  it('sees the leaf stop and come back', lab(async ({ arranged }) => {
    await arranged.site.leaf.stop();
    await leaf(arranged, ({ healthz }, available) => !available && healthz === 'no answer');
    await arranged.site.leaf.start();
    await leaf(arranged, ({ upstream_connected: connected }, available) => available && connected);
  }));

  it('tells the way to the hub from the leaf itself', lab(async ({ deployment, arranged }) => {
    await deployment.hub.stop();
    await leaf(arranged, ({ upstream_connected: connected }, available) => available && !connected);
    await deployment.hub.start();
    await leaf(arranged, ({ upstream_connected: connected }) => connected);
  }));

  // What has nothing to do with the version of the leaf is tested with one.
  if (version !== 'latest') return;

  describe('and its gateway', () => {
    it('does what people have it check', lab(async ({ arranged: { acme, site } }) => {
      const names = ['The leaf’s listener', 'a"b $(touch x) `id` 🏭'];
      const ports = [site.leaf.port, await freePort()];
      const check = (n: number) => ({ edge_site_id: site.id, name: names[n], check_type: 'tcp', target: '127.0.0.1', port: ports[n], interval_sec: 10, publish_results: n === 0 });
      await Promise.all([ok(acme.api.post('/admin/checks', check(0))), ok(acme.api.post('/admin/checks', check(1)))]);
      await service(acme, site, names[0]!, ({ available }) => available);
      expect((await service(acme, site, names[1]!, ({ available }) => !available)).details.error).toContain('ECONNREFUSED');
    }));

    it('has what it finds in the tenant’s stream, where people want that', lab(async ({ deployment, arranged: { acme } }) => {
      hub = await connectToHub({ url: deployment.hub.clientUrl, creds: await acme.credentials({ subscribe: [RESULTS] }) });
      expect(new Set((await published()).map(({ name, available }) => `${name} ${available}`))).toEqual(new Set(['The leaf’s listener true']));
    }));

    it('keeps what it sees while the gateway is gone, and tells it when that is back', lab(async ({ deployment, arranged }) => {
      const before = (await published()).length;
      await gateway!.kill();
      gateway = undefined;
      await arranged.site.leaf.stop();
      await until('something is kept', () => kept().length > 0 && kept('results').length > 0);
      gateway = await startGateway(deployment);
      await until('nothing is kept any more', () => kept().length === 0 && kept('results').length === 0);
      // A gateway that is killed may have published what it has not answered.
      const times = [...new Set((await published()).map(({ time }) => time))];
      expect(times.length).toBeGreaterThan(before);
      expect(times.toSorted()).toEqual(times);
      await leaf(arranged, (_findings, available) => !available);
      await arranged.site.leaf.start();
      await leaf(arranged, (_findings, available) => available);
    }));

    it('is the same one after it was killed, and started while the gateway is gone', lab(async ({ deployment, arranged: { acme, site } }) => {
      const before = (await shown(acme.api, site))!;
      await agent.kill();
      await gateway!.kill();
      gateway = undefined;
      agent.start();
      await until('something is kept', () => kept().length > 0);
      gateway = await startGateway(deployment);
      const after = await until('it is back', async () => {
        const found = await shown(acme.api, site);
        return found!.last_seen_at > before.last_seen_at && found;
      });
      expect(after.id).toBe(before.id);
    }));

    it('is told that it is wanted no longer', lab(async ({ arranged: { acme } }) => {
      await ok(acme.api.post(`/admin/edge-packages/${issued.id}/revoke`));
      await until('it says so', () => /The gateway refuses this agent/.test(agent.log));
      expect(await agent.stop()).toBe(0);
    }));
  });
});
