import { setTimeout as delay } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { type Fault, FAULTS, survive } from '../../lab/faults.js';
import { Ledger, type LedgerSite } from '../../lab/ledger.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import { publishingSites, SUBJECT } from '../../lab/publishing-sites.js';
import { withDeployment } from './laboratory.js';

/** And what it takes to ask, in milliseconds. */
const HALF_A_MINUTE = 35_000;

/** It takes half a minute: on one version. */
const SLOW = 'the way to the hub swallows everything and closes nothing';

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

  const faults = (Object.entries(FAULTS) as [string, Fault][]).filter(([name]) => version === 'latest' || name !== SLOW);
  it.each(faults)('lose and double nothing when %s', (_name, fault) =>
    lab(async ({ deployment, arranged }) => {
      expect(await survive(fault, deployment, arranged)).toEqual([]);
    })(),
  );

  // What a server asked its leaves for in vain it asks for again after half a minute, and one before 2.15 may take all since twice then.
  it('nor half a minute later', lab(async ({ arranged: { ledger } }) => {
    await delay(HALF_A_MINUTE);
    expect(await ledger.wrongs()).toEqual([]);
  }));

  if (version !== 'latest') return;
  it('which would be seen if they did', lab(async ({ arranged: { hub, posts, ledger } }) => {
    const [one, other] = posts as [LedgerSite, LedgerSite];
    await jetstream(hub).publish(SUBJECT, `${one.slug} twice`);
    await jetstream(hub).publish(SUBJECT, `${one.slug} twice`);
    expect(await ledger.wrongs()).toContainEqual(expect.stringMatching(/^"new-york twice" is at the hub twice/));

    // No message of one site is at another, which stands for a hub that has lost them.
    const lost = new Ledger(other.connection, [one], SUBJECT);
    lost.start();
    await lost.more(1);
    await lost.stop();
    expect(await lost.wrongs()).toContainEqual(expect.stringMatching(/^"new-york \d+" was acknowledged as \d+ and is not at the hub\.$/));
  }));
});
