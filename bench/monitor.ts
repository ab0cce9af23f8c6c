import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';
import { ok } from '../lab/api.js';
import { Deployment } from '../lab/deployment.js';
import { freePort } from '../lab/free-port.js';
import { NATS_SERVERS } from '../lab/nats-versions.js';
import { Postgres } from '../lab/postgres.js';
import { until } from '../lab/until.js';
import { LeafEvents, type LeafUser } from './leaf-events.js';
import { MonitorFigures } from './monitor-figures.js';
import { print, row } from './report.js';
import { systemUser } from './system-user.js';

const TENANTS = 10;
const SITES = 1_000;
const CREATING_AT_ONCE = 16;

/** Events a second that are to be on record as they come, and for how many seconds. */
const RATE = 1_000;
const SECONDS = 20;
/** At once, to see how many there could be. */
const BURST = 20_000;
/** The machine's speed changes: what is compared takes turns. */
const ROUNDS = 2;

/** Connections that update rows side by side: as many as the monitor records tenants with. */
const UPDATING_AT_ONCE = 4;
const UPDATING_SECONDS = 3;

const PATIENCE = { timeout: 600_000, interval: 200 };

const USERS = `
  select leaf.public_key as "publicKey", account.public_key as account, site.slug
    from nats_users leaf join nats_accounts account on account.id = leaf.account_id join edge_sites site on site.id = leaf.edge_site_id
   where leaf.purpose in ('leaf', 'leaf_control') and leaf.status = 'issued'
   order by site.id, leaf.purpose`;

/**
 * Events of leaves that come and go, from the hub to their rows. Thousands of real leaves would leave nothing of this machine: their events are
 * published into the hub's system account by a user of it, as a server of the hub would. The leaves are those of provisioned sites.
 */
export async function monitor(): Promise<void> {
  const deployment = new Deployment({ natsServer: NATS_SERVERS.latest, env: { ROLES: 'api', LOG_LEVEL: 'warn' } });
  const ends: (() => Promise<unknown>)[] = [() => deployment.stop()];
  try {
    await deployment.start();
    const superuser = await new Postgres(deployment.dataDir).connect();
    ends.push(() => superuser.end());
    await provision(deployment);
    const { rows: users } = await superuser.query<LeafUser>(USERS);
    const user = await systemUser(deployment);
    ends.push(() => user.close());
    const port = await freePort();
    const process = await deployment.startAnother('monitor', { ROLES: 'monitor', METRICS_PORT: String(port) });
    ends.push(() => process.stop());
    const figures = new MonitorFigures(port);
    await until('it leads and hears', () => figures.ready(), PATIENCE);
    await measure(new LeafEvents(user.connection, users), figures, { superuser, deployment });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function provision(deployment: Deployment): Promise<void> {
  const worker = await deployment.startAnother('worker', { ROLES: 'worker' });
  try {
    const tenants = await Promise.all(Array.from({ length: TENANTS }, (_, at) => deployment.tenant(`Bench ${at + 1}`)));
    let next = 0;
    const creator = async () => {
      while (next < SITES) {
        const { api } = tenants[next % TENANTS]!;
        await ok(api.post('/admin/edge-sites', { name: `Site ${next++}` }));
      }
    };
    await Promise.all(Array.from({ length: CREATING_AT_ONCE }, creator));
    const pending = async () => {
      const { api } = tenants[(SITES - 1) % TENANTS]!;
      const { data } = await ok(api.get<{ data: { leaf_server: { status: string } }[] }>('/admin/edge-sites?limit=200'));
      return data.some(({ leaf_server }) => leaf_server.status === 'pending');
    };
    await until('the sites are provisioned', async () => !(await pending()), PATIENCE);
  } finally {
    await worker.stop();
  }
}

async function measure(events: LeafEvents, figures: MonitorFigures, { superuser, deployment }: { superuser: Client; deployment: Deployment }): Promise<void> {
  // What is compiled and cached with the first events is not what is asked about.
  await figures.of(() => events.burst(4 * SITES));
  print(`Leaf events through the monitor (${SITES.toLocaleString('en')} sites of ${TENANTS} tenants, whose leaves and control links come and go)`);
  const steady = await figures.of(() => events.steady(RATE, SECONDS));
  row(`${RATE.toLocaleString('en')} a second, for ${SECONDS} s`, steady.perSecond, 'events/s');
  print(`  from the event to its row: p50 ${ms(steady.delay(0.5))}, p99 ${ms(steady.delay(0.99))}; CPU of the monitor ${(steady.cpu * 1000 / steady.perSecond).toFixed(2)} ms an event`);
  const rounds: [number, number][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const updates = await singleUpdates(superuser, deployment);
    rounds.push([(await figures.of(() => events.burst(BURST))).perSecond, updates]);
  }
  const [most, updates] = [0, 1].map((at) => rounds.reduce((sum, round) => sum + round[at]!, 0) / ROUNDS) as [number, number];
  row(`${BURST.toLocaleString('en')} at once`, most, 'events/s', most / updates);
  row(`bare updates of a row, ${UPDATING_AT_ONCE} at a time`, updates, '/s');
  print('');
  await assertRecorded(superuser, events);
}

/** Updates of single rows a second, each a transaction, on the same PostgreSQL. */
async function singleUpdates(superuser: Client, { dataDir }: Deployment): Promise<number> {
  const { rows } = await superuser.query<{ id: string }>('select id from nats_leaf_servers');
  const clients = await Promise.all(Array.from({ length: UPDATING_AT_ONCE }, () => new Postgres(dataDir).connect()));
  const begin = performance.now();
  let done = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() - begin < UPDATING_SECONDS * 1000) {
        await client.query('update nats_leaf_servers set updated_at = now() where id = $1', [rows[done++ % rows.length]!.id]);
      }
      await client.end();
    }),
  );
  return (done * 1000) / (performance.now() - begin);
}

/** Whoever is fast and wrong is not fast. */
async function assertRecorded(superuser: Client, { links }: LeafEvents): Promise<void> {
  const { rows } = await superuser.query<{ links: number }>(
    'select ((select count(link_id) from nats_leaf_servers) + (select count(*) from leaf_control_links))::integer as links',
  );
  if (rows[0]!.links !== links) throw new Error(`${links} links are there, and ${rows[0]!.links} are on record.`);
}

const ms = (seconds: number): string => (Number.isFinite(seconds) ? `${(seconds * 1000).toFixed(0)} ms` : 'more than 30 s');
