import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type Api, ok } from '../../lab/api.js';
import { temporaryDirectory } from '../../lab/temporary-directory.js';
import { until } from '../../lab/until.js';
import type { AlertDeliveryDto } from '../../src/alerts/dto/alert-delivery.dto.js';
import type { AlertDto } from '../../src/alerts/dto/alert.dto.js';
import { PLATFORM } from '../../src/platform/database/index.js';
import { anotherProcess } from '../support/another-process.js';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Moment } from '../support/nth-write.js';
import { Receiver } from '../support/receiver.js';
import { ACROSS_TENANTS, ALERTED, Traps } from '../support/traps.js';

/** A tenant whose one site has been away for long enough, and a rule that says so to a webhook. */
interface Owner {
  id: string;
  api: Api;
  site: string;
  /** Empty until there is one. */
  rule: string;
  channel: string;
}

/** Nobody waits for leaves to come back: whether all went at once is another matter. */
const ENV = { ALERT_NETWORKS: '127.0.0.0/8', ALERT_HOLD: '0', ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}` };
const directory = temporaryDirectory();

let app: TestApp;
let traps: Traps;
let receiver: Receiver;
let tenants = 0;
let workers = 0;

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api', ...ENV });
  traps = await Traps.install(app.database.ownerUrl, ALERTED);
  receiver = await Receiver.start();
  // The hub is watched for as long as this takes.
  await statement(`insert into watches values ('hub', now() - interval '1 hour', now() + interval '1 hour') returning name`);
});
afterAll(async () => {
  await traps.close();
  await receiver.stop();
  await app.close();
  rmSync(directory, { recursive: true });
});

const statement = <Row>(sql: string, values: unknown[] = []) => app.database.database.statement<Row>(PLATFORM, sql, values);
const startWorker = () => anotherProcess(app, directory, `worker-${++workers}`, { ROLES: 'worker', ...ENV }).ready();

async function owner(): Promise<Owner> {
  const one = await ownerWithoutRule();
  await addRule(one);
  return one;
}

/** What is to be evaluated for it from now on. */
async function addRule(one: Owner): Promise<void> {
  const asked = { name: 'Gone', kind: 'disconnected_for', threshold: 300, severity: 'critical', channel_ids: [one.channel] };
  one.rule = (await ok(one.api.post<{ id: string }>('/admin/alert-rules', asked))).id;
}

async function ownerWithoutRule(): Promise<Owner> {
  const { id, api } = await app.tenant(`T ${++tenants}`);
  const { id: site } = await ok(api.post<{ id: string }>('/admin/edge-sites', { name: 'Plant' }));
  const gone = `update nats_leaf_servers set status = 'disconnected', connected_at = now() - interval '2 hours', disconnected_at = now() - interval '1 hour' where edge_site_id = ? returning id`;
  await statement(gone, [site]);
  const webhook = { name: 'On call', kind: 'webhook', url: receiver.url, secret: 'a secret of sixteen' };
  const { id: channel } = await ok(api.post<{ id: string }>('/admin/alert-channels', webhook));
  return { id, api, site, rule: '', channel };
}

const deliveriesOf = async ({ api, channel }: Owner) => (await ok(api.get<{ data: AlertDeliveryDto[] }>(`/admin/alert-channels/${channel}/deliveries`))).data;
const told = (one: Owner) => until('the message is sent', async () => (await deliveriesOf(one)).some(({ status }) => status === 'sent'));
const receivedBy = ({ site }: Owner) => receiver.messages.filter(({ alerts }) => alerts.some((alert) => alert.site.id === site)).map(({ id }) => id);

/** What has come of it, however many times anything was begun. */
async function outcome(one: Owner) {
  const alerts = (await ok(one.api.get<{ data: AlertDto[] }>('/admin/alerts'))).data;
  const deliveries = await deliveriesOf(one);
  return {
    alerts: alerts.map(({ rule_id, edge_site_id, status }) => [rule_id, edge_site_id, status]),
    deliveries: deliveries.map(({ id, event, status, attempts }) => [id, event, status, attempts]),
    received: receivedBy(one),
  };
}

/** One open alert, and one message: how often it was begun to be sent, and how often it arrived, each time the same. */
async function expectOnce(one: Owner, { attempts, arrivals }: { attempts: number; arrivals: number }): Promise<void> {
  const found = await outcome(one);
  const id = found.deliveries[0]?.[0] as string;
  expect(found).toEqual({ alerts: [[one.rule, one.site, 'open']], deliveries: [[id, 'opened', 'sent', attempts]], received: Array(arrivals).fill(id) });
}

/** The lease of whoever has died with the message is over. */
async function endLease(one: Owner): Promise<void> {
  const [delivery] = await deliveriesOf(one);
  expect(delivery).toMatchObject({ status: 'pending', attempts: 1 });
  const [row] = await statement<{ isLeased: boolean }>('select next_attempt_at > now() as "isLeased" from alert_deliveries where id = ?', [delivery!.id]);
  expect(row).toEqual({ isLeased: true });
  await statement('update alert_deliveries set next_attempt_at = now() where id = ? returning id', [delivery!.id]);
}

/** Has another worker do what is left to do. */
async function makeUp(owners: Owner[]): Promise<void> {
  const worker = await startWorker();
  await Promise.all(owners.map(told));
  await worker.stop();
}

it('a worker that is left alone writes five times in two transactions', async () => {
  const one = await owner();
  for (const moment of ['statement', 'commit'] as const) await traps.set(one.id, moment);
  await makeUp([one]);
  expect([await traps.counted(one.id, 'statement'), await traps.counted(one.id, 'commit')]).toEqual([5, 2]);
  await expectOnce(one, { attempts: 1, arrivals: 1 });
});

describe('when workers are killed', () => {
  /** Those of a message that was claimed have it leased. */
  const WRITES: { when: string; moment: Moment; nth: number; attempts: number; arrivals: number }[] = [
    { when: 'when one writes the alert', moment: 'statement', nth: 1, attempts: 1, arrivals: 1 },
    { when: 'when one writes the message', moment: 'statement', nth: 2, attempts: 1, arrivals: 1 },
    { when: 'when one writes what the message is about', moment: 'statement', nth: 3, attempts: 1, arrivals: 1 },
    { when: 'when one commits these', moment: 'commit', nth: 1, attempts: 1, arrivals: 1 },
    { when: 'when one writes that the message was taken', moment: 'statement', nth: 4, attempts: 2, arrivals: 2 },
    { when: 'when one writes that the channel works', moment: 'statement', nth: 5, attempts: 2, arrivals: 2 },
    { when: 'when one commits these two', moment: 'commit', nth: 2, attempts: 1, arrivals: 1 },
  ];
  const owners: Owner[] = [];
  let unanswered: Owner;

  beforeAll(async () => {
    for (const { moment, nth } of WRITES) {
      const one = await ownerWithoutRule();
      await traps.set(one.id, moment, nth);
      owners.push(one);
    }
    unanswered = await ownerWithoutRule();
    receiver.answer = ({ body }, response) => {
      if (!body.includes(unanswered.site)) response.writeHead(204).end();
    };
    // A worker evaluates one tenant after the other, and sends what it has claimed at once: of five, one at least is held up neither by the four
    // that stop at opening an alert, nor by the four that stop at sending it.
    const workers = await Promise.all(Array.from({ length: 5 }, startWorker));
    // What is held up is cancelled after a while: all of them are there before the first has anything to do.
    await Promise.all([...owners, unanswered].map(addRule));
    await traps.hold(WRITES.length);
    await until('the message is on its way', () => receivedBy(unanswered).length === 1);
    await Promise.all(workers.map((worker) => worker.kill()));
    await traps.release();
    receiver.answer = (_request, response) => void response.writeHead(204).end();
    const leased = owners.filter((_one, at) => WRITES[at]!.attempts === 2);
    for (const one of [...leased, unanswered]) await endLease(one);
    await makeUp([...owners, unanswered]);
  });

  it.each(WRITES.map((write, at) => ({ at, ...write })))('$when, there is one alert, and its message arrives $arrivals times with one id', ({ at, ...times }) => expectOnce(owners[at]!, times));

  it('while one waits for the receiver to answer, there is one alert, and its message arrives 2 times with one id', () => expectOnce(unanswered, { attempts: 2, arrivals: 2 }));
});

describe('when a worker is killed that has claimed a message', () => {
  it('another sends it, once', async () => {
    const one = await owner();
    await traps.set(ACROSS_TENANTS, 'commit', 1);
    const worker = await startWorker();
    await traps.hold(1);
    await worker.kill();
    await traps.release();
    await endLease(one);
    await makeUp([one]);
    await expectOnce(one, { attempts: 2, arrivals: 1 });
  });
});

describe('two workers at once', () => {
  it('open one alert for each rule and site, and tell it once; what one is about to commit, the other leaves alone, and does not wait for it', async () => {
    const [held, ...others] = await Promise.all(Array.from({ length: 10 }, owner));
    await traps.set(held!.id, 'commit', 1);
    const workers = await Promise.all([startWorker(), startWorker()]);
    await traps.hold(1);
    await Promise.all(others.map(told));
    expect(await deliveriesOf(held!)).toEqual([]);
    await traps.release();
    await told(held!);
    await Promise.all(workers.map((worker) => worker.stop()));
    for (const one of [held!, ...others]) await expectOnce(one, { attempts: 1, arrivals: 1 });
  });
});
