import type { HealthState } from '#libs/health';
import type { AlertKind } from '#libs/alerts';
import { AgentProcess } from '../../lab/agent-process.js';
import { ok } from '../../lab/api.js';
import type { Deployment } from '../../lab/deployment.js';
import { freePort } from '../../lab/free-port.js';
import { otherTime } from '../../lab/other-time.js';
import type { Service } from '../../lab/service.js';
import type { Site } from '../../lab/site.js';
import type { Tenant } from '../../lab/tenant.js';
import { until } from '../../lab/until.js';
import type { AlertDto } from '../../src/alerts/dto/alert.dto.js';
import type { EdgeSiteDto } from '../../src/edge-sites/dto/edge-site.dto.js';
import { Receiver } from '../support/receiver.js';
import { withDeployment } from './laboratory.js';

const GATEWAY_PORT = String(await freePort());
const env = {
  ROLES: 'api,worker',
  GATEWAY_PORT,
  GATEWAY_ADDRESS: `127.0.0.1:${GATEWAY_PORT}`,
  AGENT_HEARTBEAT: '2',
  ALERT_HOLD: '0',
  ALERT_NETWORKS: '127.0.0.0/8',
};

/** What can be killed, and started again. */
type Part = 'hub' | 'leaf' | 'gateway' | 'agent';

/** With how a site is then, and which alerts there are, one of each. While the hub is away, nobody takes a leaf for gone. */
const KILLED: [Part[], HealthState, AlertKind[]][] = [
  [['hub'], 'wan_down', []],
  [['leaf'], 'leaf_down', ['disconnected_for']],
  [['gateway'], 'agent_down', ['agent_silent_for']],
  [['agent'], 'agent_down', ['agent_silent_for']],
  [['hub', 'leaf'], 'leaf_down', []],
  [['hub', 'gateway'], 'agent_down', ['agent_silent_for']],
  [['hub', 'agent'], 'agent_down', ['agent_silent_for']],
  [['leaf', 'gateway'], 'site_dark', ['agent_silent_for', 'disconnected_for']],
  [['leaf', 'agent'], 'site_dark', ['agent_silent_for', 'disconnected_for']],
  [['gateway', 'agent'], 'agent_down', ['agent_silent_for']],
];

describe('a site with a leaf and an agent', () => {
  const processes: Partial<Record<'gateway' | 'monitor', Service>> = {};
  let agent: AgentProcess;
  let receiver: Receiver;
  // Stands before the deployment, and so is done before it ends: an agent that hears nothing any more writes into its directory.
  afterAll(async () => {
    await (agent as AgentProcess | undefined)?.kill();
    await Promise.all(Object.values(processes).map((service) => service.kill()));
    await (receiver as Receiver | undefined)?.stop();
  });

  const lab = withDeployment(
    async (deployment) => {
      await start.monitor(deployment);
      await start.gateway(deployment);
      receiver = await Receiver.start();
      const acme = await deployment.tenant('Acme');
      const site = await acme.createSite('New York');
      await site.install();
      agent = new AgentProcess({ directory: deployment.directory });
      await agent.install(acme, site);
      agent.start();
      await until('the agent is heard', async () => (await site.get()).health.reasons.some(({ code }) => code === 'leaf_available'));
      const { id } = await ok(acme.api.post<{ id: string }>('/admin/alert-channels', { name: 'x', kind: 'webhook', url: receiver.url, secret: 'x'.repeat(32) }));
      for (const kind of ['disconnected_for', 'agent_silent_for']) {
        await ok(acme.api.post('/admin/alert-rules', { name: kind, kind, threshold: 10, resolve_after: 1, severity: 'critical', channel_ids: [id] }));
      }
      return { acme, site };
    },
    { env, wan: true },
  );

  const start = {
    monitor: async (deployment: Deployment) => void (processes.monitor = await deployment.startAnother('monitor', { ROLES: 'monitor', PORT: '0' })),
    gateway: async (deployment: Deployment) => void (processes.gateway = await deployment.startAnother('gateway', { ROLES: 'gateway', PORT: '0' })),
  };
  const kill: Record<Part, (deployment: Deployment, site: Site) => Promise<unknown>> = {
    hub: ({ hub }) => hub.stop('SIGKILL'),
    leaf: (_deployment, { leaf }) => leaf.kill(),
    gateway: () => processes.gateway!.kill(),
    agent: () => agent.kill(),
  };
  const restart: Record<Part, (deployment: Deployment, site: Site) => Promise<unknown>> = {
    hub: ({ hub }) => hub.start(),
    leaf: (_deployment, { leaf }) => leaf.start(),
    gateway: start.gateway,
    agent: () => Promise.resolve(agent.start()),
  };
  const is = (site: Site, state: HealthState) =>
    until(`the site is ${state}`, async () => {
      const { health } = await site.get();
      // What it is instead is said when it never is.
      if (health.state !== state) throw new Error(JSON.stringify(health));
      return true;
    });

  const alerts = async ({ api }: Tenant) => (await ok(api.get<{ data: AlertDto[] }>('/admin/alerts?limit=200'))).data;
  const kindsOf = (found: { kind: string }[]) => found.map(({ kind }) => kind).sort();
  /** Waits until these are open, one each, and have been told of. */
  const areOpen = (acme: Tenant, kinds: AlertKind[]) =>
    until(`${kinds.join(' and ') || 'nothing'} is open and told of`, async () => {
      const open = (await alerts(acme)).filter(({ status }) => status === 'open');
      const told = receiver.messages.filter(({ event }) => event === 'opened');
      return kindsOf(open).join() === kinds.join() && told.reduce((sum, { total }) => sum + total, 0) === kinds.length;
    });
  /** Waits until all is over, and holds all that there was against what should have been: one alert each, told of once when it opened and once when it was over. */
  const allOver = async (acme: Tenant, before: AlertDto[], kinds: AlertKind[]) => {
    const made = await until('no alert is open', async () => {
      const now = (await alerts(acme)).filter(({ id }) => !before.some((one) => one.id === id));
      const told = receiver.messages.filter(({ event }) => event === 'resolved').reduce((sum, { total }) => sum + total, 0);
      return now.every(({ status }) => status === 'resolved') && told >= kinds.length && now;
    });
    expect(kindsOf(made)).toEqual(kinds);
    expect(receiver.messages.map(({ event, alerts }) => alerts.map(() => event)).flat().sort()).toEqual([...kinds.map(() => 'opened'), ...kinds.map(() => 'resolved')]);
  };

  /** Does something to the site, and undoes it. */
  const through = async ({ acme, site }: { acme: Tenant; site: Site }, { state, kinds }: { state: HealthState; kinds: AlertKind[] }, happens: () => Promise<unknown>, over: () => Promise<unknown>) => {
    const before = await alerts(acme);
    receiver.reset();
    await happens();
    await is(site, state);
    await areOpen(acme, kinds);
    await over();
    await is(site, 'connected');
    await allOver(acme, before, kinds);
  };

  it.each(KILLED)('is what is left of it when %j are killed, and is connected when they are back', (parts, state, kinds) =>
    lab(({ deployment, arranged }) =>
      through(
        arranged,
        { state, kinds },
        () => Promise.all(parts.map((part) => kill[part](deployment, arranged.site))),
        () => Promise.all(parts.map((part) => restart[part](deployment, arranged.site))),
      ),
    )(),
  );

  it('is there without a WAN when the way to the hub is cut', lab(({ deployment: { wan }, arranged }) =>
    through(arranged, { state: 'wan_down', kinds: ['disconnected_for'] }, () => wan.become('drop'), () => wan.become('pass')),
  ));

  it('is told of as it is, whatever became of it while nobody watched', lab(({ deployment, arranged }) =>
    through(
      arranged,
      { state: 'site_dark', kinds: ['agent_silent_for', 'disconnected_for'] },
      async () => {
        await Promise.all([processes.monitor!.kill(), processes.gateway!.kill()]);
        await Promise.all([arranged.site.leaf.kill(), agent.kill()]);
        await Promise.all([start.monitor(deployment), start.gateway(deployment)]);
      },
      async () => {
        await arranged.site.leaf.start();
        agent.start();
      },
    ),
  ));

  it.each([[366, 'ahead'], [-366, 'behind']])('cannot be told of by an agent whose clock is %i days off, and the agent says why', (days, how) =>
    lab(({ arranged }) =>
      through(
        arranged,
        { state: 'agent_down', kinds: ['agent_silent_for'] },
        async () => {
          await agent.kill();
          agent.start(otherTime(days));
          await until('the agent says why', () => new RegExp(`clock_skew: this machine's clock says .*: the clock is ${how}`).test(agent.log));
        },
        async () => {
          await agent.kill();
          agent.start();
        },
      ),
    )(),
  );

  it('has credentials that are over when their time has come', lab(async ({ deployment, arranged: { acme, site } }) => {
    const later = await deployment.startAnother('later', { ROLES: 'api', PORT: '0', ...otherTime(400) });
    try {
      const { health } = await ok(later.api.as(acme.api.credentials).get<EdgeSiteDto>(`/admin/edge-sites/${site.id}`));
      expect(health.state).toBe('credentials_expired');
    } finally {
      await later.kill();
    }
    expect((await site.get()).health.state).toBe('connected');
  }));

  it('has no credentials when they are revoked, until it has new ones', lab(({ arranged }) => {
    const { acme, site } = arranged;
    return through(
      arranged,
      { state: 'credentials_revoked', kinds: ['disconnected_for'] },
      async () => {
        await site.regenerate();
        await site.provisioned();
        await ok(acme.api.post(`/admin/edge-sites/${site.id}/leaf-server/revoke-previous`));
      },
      async () => void (await site.leaf.install(await site.download())),
    );
  }));
});
