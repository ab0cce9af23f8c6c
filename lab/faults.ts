import { setTimeout as delay } from 'node:timers/promises';
import type { Deployment } from './deployment.js';
import type { PublishingSites } from './publishing-sites.js';
import { until } from './until.js';

/** What goes wrong between sites that publish and their hub. It resolves when all is right again, and links are coming back. */
export type Fault = (deployment: Deployment, sites: PublishingSites) => Promise<void>;

/** Messages that each site publishes while something is wrong. */
const SOME = 60;

/** By what it is called after "when". Times are short: what they are does not matter to the outcome. */
export const FAULTS = {
  'the hub is killed and started again': async ({ hub }, { ledger }) => {
    await hub.stop('SIGKILL');
    await ledger.more(SOME);
    await hub.start();
  },
  'their connections are cut, and for a second refused': async ({ wan }, { ledger }) => {
    wan.cut();
    await ledger.more(SOME);
    await wan.become('drop');
    await Promise.all([ledger.more(SOME), delay(1_000)]);
    await wan.become('pass');
  },
  'the way to the hub takes 300 ms, and is cut meanwhile': async ({ wan }, sites) => {
    await wan.become({ delay: 300 });
    await sites.ledger.more(SOME);
    wan.cut();
    await linked(sites);
    await sites.ledger.more(SOME);
    await wan.become('pass');
  },
  'the leaves are killed and started again without the hub': async ({ wan }, all) => {
    const { ledger, sites } = all;
    await wan.become('drop');
    await unlinked(all);
    await ledger.more(SOME);
    await Promise.all(sites.map(({ leaf }) => leaf.kill().then(() => leaf.start())));
    await ledger.more(SOME);
    await wan.become('pass');
  },
  'hub and leaves are killed at once': async ({ hub }, { sites }) => {
    await Promise.all([hub.stop('SIGKILL'), ...sites.map(({ leaf }) => leaf.kill())]);
    await Promise.all([hub.start(), ...sites.map(({ leaf }) => leaf.start())]);
  },
  // Half a minute, until the leaf's pings have given it up.
  'the way to the hub swallows everything and closes nothing': async ({ wan }, sites) => {
    await wan.become('half-open');
    await unlinked(sites);
    await wan.become('pass');
  },
} satisfies Record<string, Fault>;

/** Lets something go wrong while the sites publish. @returns what the ledger finds wrong after, in sentences */
export async function survive(fault: Fault, deployment: Deployment, sites: PublishingSites): Promise<string[]> {
  const { ledger } = sites;
  ledger.start();
  await ledger.more(SOME);
  await fault(deployment, sites);
  await ledger.more(SOME);
  await linked(sites);
  await ledger.stop();
  return ledger.wrongs();
}

const linked = ({ sites }: PublishingSites) =>
  Promise.all(sites.map(({ slug, leaf }) => until(`${slug} is linked`, async () => (await leaf.links()) === 1)));

const unlinked = ({ sites }: PublishingSites) =>
  Promise.all(sites.map(({ slug, leaf }) => until(`${slug} is on its own`, async () => (await leaf.links()) === 0)));
