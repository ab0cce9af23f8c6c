import { setTimeout as delay } from 'node:timers/promises';
import { publishingSites } from '../../lab/publishing-sites.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import { until } from '../../lab/until.js';
import { type Lab, withDeployment } from './laboratory.js';

type Sites = Lab<Awaited<ReturnType<typeof publishingSites>>>;

/** Messages that each site publishes before, during and after. */
const SOME = 60;

describe.each(Object.entries(NATS_SERVERS))('three sites that publish all the time, on nats-server %s', (version, natsServer) => {
  let close: (() => Promise<void>) | undefined;
  const lab = withDeployment(
    async (deployment) => {
      const sites = await publishingSites(deployment);
      close = sites.close;
      return sites;
    },
    { natsServer, wan: true },
  );
  afterAll(() => close?.());

  const linked = ({ arranged: { sites } }: Sites) =>
    Promise.all(sites.map(({ slug, leaf }) => until(`${slug} is linked`, async () => (await leaf.links()) === 1)));

  const unlinked = ({ arranged: { sites } }: Sites) =>
    Promise.all(sites.map(({ slug, leaf }) => until(`${slug} is on its own`, async () => (await leaf.links()) === 0)));

  /** What goes wrong while they publish, and is right again when it resolves. */
  const survive = (fault: (lab: Sites) => Promise<void>) =>
    lab(async (all) => {
      const { ledger } = all.arranged;
      ledger.start();
      await ledger.more(SOME);
      await fault(all);
      await ledger.more(SOME);
      await linked(all);
      await ledger.stop();
      expect(await ledger.wrongs()).toEqual([]);
    });

  it('lose and double nothing when the hub is killed and started again', survive(async ({ deployment: { hub }, arranged: { ledger } }) => {
    await hub.stop('SIGKILL');
    await ledger.more(SOME);
    await hub.start();
  }));

  it('nor when their connections are cut, and for a second refused', survive(async ({ deployment: { wan }, arranged: { ledger } }) => {
    wan.cut();
    await ledger.more(SOME);
    await wan.become('drop');
    await Promise.all([ledger.more(SOME), delay(1_000)]);
    await wan.become('pass');
  }));

  it('nor when the way to the hub takes 300 ms, and is cut meanwhile', survive(async (all) => {
    const { deployment: { wan }, arranged: { ledger } } = all;
    await wan.become({ delay: 300 });
    await ledger.more(SOME);
    wan.cut();
    await linked(all);
    await ledger.more(SOME);
    await wan.become('pass');
  }));

  it('nor when the leaves are killed and started again without the hub', survive(async (all) => {
    const { deployment: { wan }, arranged: { ledger, sites } } = all;
    await wan.become('drop');
    await unlinked(all);
    await ledger.more(SOME);
    await Promise.all(sites.map(({ leaf }) => leaf.kill().then(() => leaf.start())));
    await ledger.more(SOME);
    await wan.become('pass');
  }));

  it('nor when hub and leaves are killed at once', survive(async ({ deployment: { hub }, arranged: { sites } }) => {
    await Promise.all([hub.stop('SIGKILL'), ...sites.map(({ leaf }) => leaf.kill())]);
    await Promise.all([hub.start(), ...sites.map(({ leaf }) => leaf.start())]);
  }));

  // Half a minute, until the leaf's pings have given it up: on one version.
  if (version === 'latest') {
    it('nor when the way to the hub swallows everything and closes nothing', survive(async (all) => {
      await all.deployment.wan.become('half-open');
      await unlinked(all);
      await all.deployment.wan.become('pass');
    }));
  }
});
