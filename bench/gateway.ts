import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, type AgentIdentity } from '../lab/agent.js';
import { ok } from '../lab/api.js';
import { freePort } from '../lab/free-port.js';
import { Postgres } from '../lab/postgres.js';
import { Service } from '../lab/service.js';
import { temporaryDirectory } from '../lab/temporary-directory.js';
import { createTenant } from '../lab/tenant.js';
import { until } from '../lab/until.js';
import { issueAgents, startBareGateway, usage } from './agents.js';
import { print, row } from './report.js';

/** Connections, of which several have the same certificate: making one takes longer than dialling. */
const AGENTS = Number(process.env.BENCH_AGENTS ?? 5_000);
const CERTIFICATES = 50;

/** Of the statuses over streams. No agent says the same twice within what is written together. */
const STREAMS = 25;
const SERVICES_IN_CHUNK = 50;
const SERVICES_OF_AGENT = 1_000;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);

/** Seconds between two heartbeats of an agent, each with so many services. */
const HEARTBEAT = 30;
const SERVICES_OF_HEARTBEAT = 5;

/** What a rule allows agents to say nothing, in seconds. */
const SILENCE = 60;

/** What its agents dial. */
interface Target {
  pid: number;
  identities: readonly AgentIdentity[];
}

const service = (name: string) => ({ service_name: name, service_type: 'tcp', available: true, message: Buffer.from('{"connect_ms":3.2,"address":"192.0.2.1:443"}'), response_time: 3_200_000 });

/** Statuses over streams, agents that stay, and agents that come back all at once, beside a gateway of the same library that does nothing. */
export async function gateway(): Promise<void> {
  const directory = temporaryDirectory();
  const dataDir = join(directory, 'data');
  const api = new Service({ dataDir, log: join(directory, 'service.log'), env: { LOG_LEVEL: 'warn' } });
  const port = String(await freePort());
  const start = () => new Service({ dataDir, log: join(directory, 'gateway.log'), env: { LOG_LEVEL: 'error', ROLES: 'gateway', GATEWAY_PORT: port } }).ready();
  let own: Service | undefined;
  try {
    await api.ready();
    own = await start();
    const { api: tenant } = await createTenant(api.admin, 'Bench');
    await ok(tenant.post('/admin/alert-rules', { name: 'Silent', kind: 'agent_silent_for', threshold: SILENCE, severity: 'warning' }));
    const issued = await issueAgents(tenant, CERTIFICATES, directory);
    const bare = await startBareGateway(directory, issued[0]!.ca);
    try {
      const ours = (): Target => ({ pid: own!.process.pid, identities: issued.map((one) => ({ ...one, address: `127.0.0.1:${port}` })) });
      const theirs: Target = { pid: bare.child.pid, identities: issued.map((one) => ({ ...one, address: bare.address, ca: bare.ca })) };
      await statuses(ours(), theirs, dataDir);
      const restart = async () => {
        await own!.kill();
        own = await start();
        return ours();
      };
      const alerts = async () => (await ok(tenant.get<{ data: unknown[] }>('/admin/alerts'))).data.length;
      await connected(theirs, { restart, alerts });
    } finally {
      await bare.child.stop();
    }
  } finally {
    await own?.stop();
    await api.stop();
    rmSync(directory, { recursive: true });
  }
}

async function statuses(ours: Target, theirs: Target, dataDir: string): Promise<void> {
  await stream(ours, 2);
  const [one, other] = [await stream(ours, SECONDS), await stream(theirs, SECONDS)];
  const database = await upserts(dataDir);
  print(`Statuses over ${STREAMS} streams, ${SERVICES_IN_CHUNK} in a message, for ${SECONDS} s, until they are committed`);
  row('this service', one.perSecond, '/s');
  row('this service, per core of its own', one.perCore, '/s');
  row('bare grpc-js, nothing kept', other.perSecond, '/s', one.perSecond / other.perSecond);
  row('the same upserts, PostgreSQL alone', database, '/s', one.perSecond / database);
  print('');
}

/** As fast as they are taken. */
async function stream({ pid, identities }: Target, seconds: number): Promise<{ perSecond: number; perCore: number }> {
  const agents = identities.slice(0, STREAMS).map((identity) => new Agent(identity, identity));
  await Promise.all(agents.map((agent) => agent.hello({})));
  const begin = performance.now();
  const before = usage(pid).cpuSeconds;
  let sent = 0;
  const one = async (agent: Agent) => {
    const open = agent.streamStatus();
    for (let first = 0; performance.now() - begin < seconds * 1000; first = (first + SERVICES_IN_CHUNK) % SERVICES_OF_AGENT) {
      await open.send({ services: Array.from({ length: SERVICES_IN_CHUNK }, (_, at) => service(`service-${first + at}`)) });
      sent += SERVICES_IN_CHUNK;
    }
    open.end();
    await open.answer;
  };
  await Promise.all(agents.map(one));
  const elapsed = (performance.now() - begin) / 1000;
  const cpu = usage(pid).cpuSeconds - before;
  agents.forEach((agent) => agent.close());
  return { perSecond: sent / elapsed, perCore: sent / cpu };
}

/** @returns rows per second that PostgreSQL alone updates, on one connection, of the same table */
async function upserts(dataDir: string): Promise<number> {
  const client = await new Postgres(dataDir).connect();
  const names = Array.from({ length: SERVICES_OF_AGENT }, (_, at) => `service-${at}`);
  const { rows } = await client.query<{ id: string }>(`select agent_id as id from agent_services group by agent_id`);
  const upsert = `insert into agent_services select agent_id, service_name, tenant_id, edge_site_id, service_type, available, details, response_time_ns, now(), changed_at
    from agent_services where agent_id = $1 and service_name = any($2)
    on conflict (agent_id, service_name) do update set reported_at = excluded.reported_at, details = excluded.details`;
  const begin = performance.now();
  let written = 0;
  for (let at = 0; performance.now() - begin < 3_000; at++) written += (await client.query(upsert, [rows[at % rows.length]!.id, names])).rowCount ?? 0;
  const perSecond = (written * 1000) / (performance.now() - begin);
  await client.end();
  return perSecond;
}

async function connected(theirs: Target, { restart, alerts }: { restart: () => Promise<Target>; alerts: () => Promise<number> }): Promise<void> {
  const bare = await dial(theirs);
  bare.close();
  const one = await dial(await restart());
  const beat = await heartbeats(one.agents, one.pid);
  await restart();
  const begin = performance.now();
  await Promise.all(one.agents.map((agent) => until('the agent is back', () => agent.hello({}), { timeout: 300_000, interval: 200 })));
  const back = (performance.now() - begin) / 1000;
  const opened = await alerts();
  one.close();
  const kib = (bytes: number) => bytes / AGENTS / 1024;
  print(`${AGENTS.toLocaleString('en')} agents connected, ${SERVICES_OF_HEARTBEAT} services every ${HEARTBEAT} s`);
  row('memory of each, this service', kib(one.bytes), 'KiB');
  row('memory of each, bare grpc-js', kib(bare.bytes), 'KiB', one.bytes / bare.bytes);
  row('heartbeats, of one core', beat.share * 100, '%');
  row('heartbeats that were not received', beat.failed, '');
  row('all dial and say hello', one.seconds, 's');
  row('the same, bare grpc-js', bare.seconds, 's', one.seconds / bare.seconds);
  row('after a restart, until all are back', back, 's');
  row('alerts of agents that are silent', opened, '');
  print('');
}

/** All at once. */
async function dial({ pid, identities }: Target): Promise<{ pid: number; agents: Agent[]; bytes: number; seconds: number; close(): void }> {
  const before = usage(pid).rssBytes;
  const begin = performance.now();
  const agents = Array.from({ length: AGENTS }, (_, at) => identities[at % identities.length]!).map((identity) => new Agent(identity, identity));
  await Promise.all(agents.map((agent) => until('the agent is there', () => agent.hello({}), { timeout: 300_000, interval: 200 })));
  const seconds = (performance.now() - begin) / 1000;
  await delay(1_000);
  return { pid, agents, seconds, bytes: usage(pid).rssBytes - before, close: () => agents.forEach((agent) => agent.close()) };
}

/** One of each agent, spread over the interval. @returns the share of a core that the gateway took */
async function heartbeats(agents: readonly Agent[], pid: number): Promise<{ share: number; failed: number }> {
  const services = Array.from({ length: SERVICES_OF_HEARTBEAT }, (_, at) => service(`service-${at}`));
  const before = usage(pid).cpuSeconds;
  const begin = performance.now();
  let failed = 0;
  const beats = agents.map(async (agent, at) => {
    await delay((at / agents.length) * HEARTBEAT * 1000);
    await agent.pushStatus({ services }).catch(() => failed++);
  });
  await Promise.all(beats);
  return { share: (usage(pid).cpuSeconds - before) / ((performance.now() - begin) / 1000), failed };
}
