import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';
import { type Api, ok } from '../lab/api.js';
import { Postgres } from '../lab/postgres.js';
import { Service } from '../lab/service.js';
import { temporaryDirectory } from '../lab/temporary-directory.js';
import { createTenant } from '../lab/tenant.js';
import { until } from '../lab/until.js';
import type { EdgeSiteDto } from '../src/edge-sites/dto/edge-site.dto.js';
import { usage } from './agents.js';
import { copySites, insertAlerts, readSites } from './alert-rows.js';
import { print, row } from './report.js';

const SITES = Number(process.env.BENCH_SITES ?? 5_000);

/** Seconds that leaves are away before alerts open, and back before they resolve. */
const THRESHOLD = 10;

/** Seconds between two evaluations, as the service has it. */
const PAUSE = 5;

/** Evaluations of which the figures are the average, and of the baselines, too. */
const ROUNDS = 5;

/** Cores that a worker takes less than that has nothing to do but to evaluate. */
const AT_REST = 0.15;

const PATIENCE = { timeout: 300_000, interval: 10 };

/** A rule of each kind; of what the others watch, nothing comes. */
const RULES = [
  { kind: 'disconnected_for', threshold: THRESHOLD, resolve_after: THRESHOLD },
  { kind: 'buffer_full_within', threshold: 3_600 },
  { kind: 'cert_expires_within', threshold: 86_400 },
  { kind: 'agent_silent_for', threshold: 300 },
  { kind: 'drifted_for', threshold: 300 },
  { kind: 'check_failing_for', threshold: 60 },
];

/** Neither hub nor leaves: what is on record of them is written by us. */
const ENV = {
  LOG_LEVEL: 'warn',
  NATS_URL: 'nats://127.0.0.1:1',
  NATS_LEAF_UPSTREAM_URL: 'tls://hub.example.com:7422',
  ALERT_NETWORKS: '127.0.0.0/8',
  ALERT_HOLD: String(THRESHOLD),
};

/** Alerts of one tenant with many sites, by a worker: nothing has changed, all are gone at once, all are back. */
export async function alerts(): Promise<void> {
  const directory = temporaryDirectory();
  const dataDir = join(directory, 'data');
  const start = (role: string) => new Service({ dataDir, log: join(directory, `${role}.log`), env: { ...ENV, ROLES: role } }).ready();
  const receiver = await startReceiver();
  const ends: (() => Promise<unknown>)[] = [receiver.stop];
  try {
    const api = await start('api');
    ends.push(() => api.stop());
    const database = await new Postgres(dataDir).connect();
    ends.push(() => database.end());
    await arrange((await createTenant(api.admin, 'Bench')).api, database, receiver.url);
    const worker = await start('worker');
    ends.push(() => worker.stop());
    await measure(database, { worker, receiver });
  } finally {
    for (const end of ends.reverse()) await end();
    rmSync(directory, { recursive: true });
  }
}

async function arrange(tenant: Api, database: Client, url: string): Promise<void> {
  const { id } = await ok(tenant.post<EdgeSiteDto>('/admin/edge-sites', { name: 'First' }));
  await copySites(database, id, SITES);
  const channel = await ok(tenant.post<{ id: string }>('/admin/alert-channels', { name: 'On call', kind: 'webhook', url, secret: 'a secret of sixteen' }));
  for (const rule of RULES) await ok(tenant.post('/admin/alert-rules', { name: rule.kind, severity: 'warning', channel_ids: [channel.id], ...rule }));
}

async function measure(database: Client, { worker, receiver }: { worker: Service; receiver: Receiver }): Promise<void> {
  const evaluations = new Evaluations(database);
  // With so many sites that it does not know, it has other things to see to first.
  await until('the worker has come to rest', async () => (await coresOf(worker, () => evaluations.of(1))) < AT_REST, PATIENCE);
  const read = await mean(() => readSites(database));
  print(`Alerts of one tenant: ${SITES.toLocaleString('en')} sites with an agent each, ${RULES.length} rules, one of each kind`);
  let idle = 0;
  const cores = await coresOf(worker, async () => (idle = await evaluations.of(ROUNDS)));
  row('an evaluation, nothing has changed', idle, 'ms', read / idle);
  row('sites, leaves, agents, buffers read, PostgreSQL alone', read, 'ms');
  row('the worker meanwhile, of one core', cores * 100, '%');

  const gone = await evaluations.until('all are open', `status = 'open'`, `link_id = null, status = 'disconnected', disconnected_at = now()`);
  const open = await evaluations.of(ROUNDS);
  const back = await evaluations.until('all are resolved', `status = 'resolved'`, `link_id = 'HUB:1', status = 'connected', connected_at = now()`);
  await until('both messages are there', () => receiver.messages.length >= 2, PATIENCE);
  await worker.stop();
  const written = await mean(() => insertAlerts(database));
  row('all gone: the evaluation that opens', gone.took, 'ms', written / gone.took);
  row('the same inserts, PostgreSQL alone', written, 'ms');
  row('an evaluation while all are open', open, 'ms');
  row('all back: the one that resolves', back.took, 'ms');
  const [opened, resolved] = ['opened', 'resolved'].map((event) => receiver.messages.find((message) => message.event === event)!);
  print(`  from due to ${SITES.toLocaleString('en')} open alerts ${seconds(gone.at - gone.due)}, to the message ${seconds(opened!.at - gone.due)}`);
  print(`  from due to ${SITES.toLocaleString('en')} resolved alerts ${seconds(back.at - back.due)}, to the message ${seconds(resolved!.at - back.due)}`);
  print(`  of which up to ${PAUSE} s until the next evaluation, and 1 s until what is to be sent is looked for`);
  print(`  messages: ${receiver.messages.map(({ event, total }) => `${event} (${total.toLocaleString('en')} alerts)`).join(', ')}\n`);
}

/** @returns cores that the worker takes meanwhile */
async function coresOf({ process: { pid } }: Service, work: () => Promise<unknown>): Promise<number> {
  const [before, begin] = [usage(pid).cpuSeconds, performance.now()];
  await work();
  return ((usage(pid).cpuSeconds - before) * 1000) / (performance.now() - begin);
}

/** What the worker's evaluations took, by when they began: one begins so long after the one before has ended. */
class Evaluations {
  constructor(private readonly database: Client) {}

  /** @returns milliseconds, the average of so many from the next on */
  async of(count: number): Promise<number> {
    const first = await this.next();
    let last = first;
    for (let at = 0; at < count; at++) last = await this.next();
    return (last - first) / count - PAUSE * 1000;
  }

  /** Has all leaves changed. @returns when alerts were due to be so, and were; and what the evaluation took, until that was seen */
  async until(what: string, condition: string, change: string): Promise<{ due: number; at: number; took: number }> {
    const changed = `update nats_leaf_servers set ${change} returning extract(epoch from now()) * 1000 as at`;
    const { rows } = await this.database.query<{ at: string }>(changed);
    const counted = `select count(*)::integer as count from alerts where ${condition}`;
    await until(what, async () => (await this.database.query<{ count: number }>(counted)).rows[0]!.count === SITES, PATIENCE);
    const at = Date.now();
    return { due: Number(rows[0]!.at) + THRESHOLD * 1000, at, took: at - (await this.begun()) };
  }

  /** @returns when the next one begins, in milliseconds since 1970 */
  private async next(): Promise<number> {
    const before = await this.begun();
    await until('the next evaluation', async () => (await this.begun()) > before, PATIENCE);
    return this.begun();
  }

  private async begun(): Promise<number> {
    const { rows } = await this.database.query<{ at: string }>(`select extract(epoch from seen_at) * 1000 as at from watches where name = 'alerts'`);
    return Number(rows[0]!.at);
  }
}

interface Receiver {
  url: string;
  messages: { event: string; total: number; at: number }[];
  stop: () => Promise<void>;
}

async function startReceiver(): Promise<Receiver> {
  const messages: Receiver['messages'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { event, total } = JSON.parse(Buffer.concat(chunks).toString()) as { event: string; total: number };
      messages.push({ event, total, at: Date.now() });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, messages, stop };
}

/** @param work answers how long it took */
async function mean(work: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++) sum += await work();
  return sum / ROUNDS;
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
