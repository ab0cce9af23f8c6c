import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { Deployment } from '../lab/deployment.js';
import { count, streamReady } from '../lab/messages.js';
import { connectToHub } from '../lab/nats-client.js';
import { NATS_SERVERS } from '../lab/nats-versions.js';
import type { Site } from '../lab/site.js';
import { until } from '../lab/until.js';
import { startBarePair } from './bare-pair.js';
import { print, row } from './report.js';

const SUBJECT = 'otel';
const PAYLOAD = randomBytes(200);
/** Published and not yet acknowledged, at most. */
const IN_FLIGHT = 512;

/** Of a round of throughput. */
const MESSAGES = 50_000;
/** The machine's speed changes: what is compared takes turns. */
const ROUNDS = 2;

/** Messages that wait at the leaf at the end of a cut. */
const FEW = 100;
const MANY = 100_000;

const PATIENCE = { timeout: 600_000, interval: 5 };

/** A leaf and its hub, as clients of both see them. */
interface Pair {
  leaf: NatsConnection;
  hub: NatsConnection;
}

/** Messages through leaf to hub, beside nats-server alone, and how soon they flow again after a cut. */
export async function streams(): Promise<void> {
  await withSite({}, throughput);
  await withSite({ wan: true }, recovery);
}

async function throughput(product: Pair): Promise<void> {
  const same = await startBarePair({ syncAlways: true });
  const relaxed = await startBarePair({ syncAlways: false }).catch(async (error: unknown) => {
    await same.stop();
    throw error;
  });
  try {
    const pairs = [product, same, relaxed];
    const rates: number[][] = pairs.map(() => []);
    for (let round = 0; round < ROUNDS; round++) for (const [at, pair] of pairs.entries()) rates[at]!.push(await through(pair));
    const [ours, alone, unsynced] = rates.map((one) => one.reduce((sum, rate) => sum + rate, 0) / ROUNDS) as [number, number, number];
    print(`Messages through leaf to hub stream (${PAYLOAD.length} bytes, ${IN_FLIGHT} in flight, ${ROUNDS} times ${MESSAGES} in turn)`);
    row('this service', ours, '/s');
    row('nats-server alone, sync always', alone, '/s', ours / alone);
    row('nats-server alone, its default', unsynced, '/s', ours / unsynced);
    print('');
  } finally {
    await same.stop();
    await relaxed.stop();
  }
}

/** @returns messages per second, from the first that is published to the last that the hub has */
async function through({ leaf, hub }: Pair): Promise<number> {
  const before = await count(hub, SUBJECT);
  const begin = performance.now();
  await publish(leaf, MESSAGES);
  await arrived(hub, before + MESSAGES);
  return (MESSAGES * 1000) / (performance.now() - begin);
}

async function recovery(pair: Pair, { deployment, site }: { deployment: Deployment; site: Site }): Promise<void> {
  print('Recovery after a cut, in ms (link: since the WAN passes again; first and last message at the hub: since the link)');
  for (const [what, seconds, messages] of [['1 s', 1, FEW], ['60 s', 60, FEW], ['as long as it takes to publish', 0, MANY]] as const) {
    const { link, first, all } = await cut(pair, { deployment, site, seconds, messages });
    const waiting = `${messages.toLocaleString('en')} waiting`;
    print(`  ${`${what}, ${waiting}`.padEnd(48)} link ${link.toFixed(0)}, first ${first.toFixed(0)}, last ${all.toFixed(0)}`);
  }
  print('');
}

interface Cut {
  deployment: Deployment;
  site: Site;
  /** How long nothing passes, at least. */
  seconds: number;
  /** Published meanwhile. */
  messages: number;
}

/** Cuts the WAN, publishes at the leaf, and lets it pass again. @returns milliseconds, as in the output */
async function cut({ leaf, hub }: Pair, { deployment: { wan }, site, seconds, messages }: Cut): Promise<{ link: number; first: number; all: number }> {
  const before = await count(hub, SUBJECT);
  await wan.become('drop');
  const over = delay(seconds * 1000);
  await until('the leaf has lost its link', async () => (await site.leaf.links()) === 0, PATIENCE);
  await publish(leaf, messages);
  await over;
  await wan.become('pass');
  const passes = performance.now();
  const linked = until('the leaf is linked', async () => (await site.leaf.links()) > 0, PATIENCE).then(() => performance.now());
  const flowing = async () => {
    await arrived(hub, before + 1);
    const first = performance.now();
    await arrived(hub, before + messages);
    return { first, all: performance.now() };
  };
  const [link, { first, all }] = await Promise.all([linked, flowing()]);
  return { link: link - passes, first: first - link, all: all - link };
}

/** Resolves when the leaf has acknowledged all. */
async function publish(leaf: NatsConnection, messages: number): Promise<void> {
  const js = jetstream(leaf, { timeout: 60_000 });
  let left = messages;
  const publisher = async () => {
    while (left-- > 0) await js.publish(SUBJECT, PAYLOAD);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, publisher));
}

const arrived = (hub: NatsConnection, messages: number): Promise<true> =>
  until(`${messages} are at the hub`, async () => (await count(hub, SUBJECT)) >= messages, PATIENCE);

/** A whole product with one site, whose leaf was installed from its bundle. */
async function withSite(
  options: { wan?: boolean },
  measure: (pair: Pair, more: { deployment: Deployment; site: Site }) => Promise<void>,
): Promise<void> {
  const deployment = new Deployment({ natsServer: NATS_SERVERS.latest, ...options });
  const connections: NatsConnection[] = [];
  try {
    await deployment.start();
    const tenant = await deployment.tenant('Bench');
    const site = await tenant.createSite('Bench');
    await site.install();
    const creds = await tenant.credentials({ publish: [SUBJECT], subscribe: [SUBJECT] });
    const leaf = await site.leaf.connect(creds);
    const hub = await connectToHub({ url: deployment.hub.clientUrl, creds });
    connections.push(leaf, hub);
    await Promise.all(connections.map(streamReady));
    await measure({ leaf, hub }, { deployment, site });
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
    await deployment.stop();
  }
}
