import { LISTED_MAX } from '#libs/alerts';
import { Receiver } from '../../support/receiver.js';
import { Rig } from './rig.js';

const SITES = 200;

let rig: Rig;
let receiver: Receiver;
let sites: string[];

beforeAll(async () => {
  rig = await Rig.start();
  receiver = await Receiver.start();
});
afterAll(async () => {
  await receiver.stop();
  await rig.app.close();
});
beforeEach(async () => {
  await rig.clear();
  receiver.reset();
  const first = await rig.site('First');
  await rig.connected(first, -3_600);
  sites = [first, ...(await rig.copies(first, SITES - 1))];
  const channel = await rig.webhook(receiver.url);
  await rig.rule({ threshold: 30, resolve_after: 10, channel_ids: [channel.id] });
});

/** Evaluates and sends every ten seconds. */
async function pass(from: number, to: number): Promise<void> {
  for (let seconds = from; seconds <= to; seconds += 10) {
    await rig.evaluate(seconds);
    await rig.send(seconds);
  }
}

describe('200 leaves that go at once', () => {
  it('and are back within the hold raise no alert', async () => {
    await rig.disconnected(sites, 0);
    await pass(10, 110);
    await rig.connected(sites, 115);
    await pass(120, 200);
    expect([await rig.alerts(), receiver.received]).toEqual([[], []]);
  });

  it('and stay away raise one alert each and one message, which lists some and counts all; and so it is when they are back', async () => {
    await rig.disconnected(sites.slice(0, 100), 0);
    await rig.disconnected(sites.slice(100), 40);
    await pass(10, 200);
    expect((await rig.alerts()).filter(({ status }) => status === 'open')).toHaveLength(SITES);
    expect(receiver.messages).toMatchObject([{ event: 'opened', total: SITES, severity: 'critical' }]);
    expect(receiver.messages[0]!.alerts).toHaveLength(LISTED_MAX);
    await rig.connected(sites, 205);
    await pass(210, 250);
    expect((await rig.alerts('&status=open'))).toEqual([]);
    expect(receiver.messages).toMatchObject([{ event: 'opened' }, { event: 'resolved', total: SITES }]);
  });

  it('of which most are back raise alerts of the others only, in one message', async () => {
    await rig.disconnected(sites, 0);
    await pass(10, 50);
    await rig.connected(sites.slice(3), 55);
    await pass(60, 130);
    expect((await rig.alerts()).map(({ edge_site_id }) => edge_site_id).sort()).toEqual(sites.slice(0, 3).sort());
    expect(receiver.messages).toMatchObject([{ event: 'opened', total: 3 }]);
  });
});

describe('a few leaves of 200 that go at once', () => {
  it('are held for nobody', async () => {
    await rig.disconnected(sites.slice(0, 10), 0);
    await rig.evaluate(30);
    expect(await rig.alerts()).toHaveLength(10);
  });
});

describe('a hub that was away', () => {
  it('raises no alert when the monitor finds nobody linked, and leaves come back within the hold', async () => {
    // The hub was away from 0 to 300; when it is there again, the monitor compares.
    for (let seconds = 100; seconds <= 290; seconds += 10) await rig.evaluate(seconds, { hub: false });
    rig.set(300);
    await rig.watched(300);
    await rig.disconnected(sites, 300);
    await pass(310, 410);
    await rig.connected(sites, 415);
    await pass(420, 500);
    expect([await rig.alerts(), receiver.received]).toEqual([[], []]);
  });
});

describe('workers that were away', () => {
  it('raise no alert of what they find before leaves and agents have had the time to be heard', async () => {
    await rig.disconnected(sites.slice(0, 1), -1_000);
    rig.set(-500);
    await rig.watched(-3_600);
    // Nobody has evaluated since, though the hub is watched.
    await rig.evaluateAfterGap(0);
    await rig.evaluate(110);
    expect(await rig.alerts()).toEqual([]);
    await rig.evaluate(120);
    expect(await rig.alerts()).toHaveLength(1);
  });
});
