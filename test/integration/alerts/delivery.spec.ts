import { createHmac } from 'node:crypto';
import { SMTPServer } from 'smtp-server';
import { ok } from '../../../lab/api.js';
import { freePort } from '../../../lab/free-port.js';
import { until } from '../../../lab/until.js';
import type { AlertChannelDto } from '../../../src/alerts/dto/alert-channel.dto.js';
import { DELAYS } from '../../../src/alerts/index.js';
import { type Database, PLATFORM } from '../../../src/platform/database/index.js';
import { Receiver } from '../../support/receiver.js';
import { LOOPBACK, Rig } from './rig.js';

const HOSTILE = 'a"b $(touch x) `id` \'; rm %n 🏭 <!channel> & co';

let rig: Rig;
let receiver: Receiver;
let smtp: SMTPServer;
let mails: { to: string[]; text: string }[];

beforeAll(async () => {
  const port = await freePort();
  mails = [];
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: ({ address }, _session, callback) => callback(address.startsWith('nobody') ? Object.assign(new Error('no such user'), { responseCode: 550 }) : undefined),
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString() });
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => void smtp.listen(port, '127.0.0.1', resolve));
  rig = await Rig.start({ ALERT_NETWORKS: LOOPBACK, SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'alerts@edge.example' });
  receiver = await Receiver.start();
});
afterAll(async () => {
  await receiver.stop();
  await new Promise<void>((resolve) => smtp.close(resolve));
  await rig.app.close();
});
beforeEach(async () => {
  await rig.clear();
  receiver.reset();
  mails.length = 0;
});

/** A site whose alert opens at 300, told by the channel. */
async function opened(channel: AlertChannelDto, name = 'Hamburg'): Promise<string> {
  const site = await rig.site(name);
  await rig.connected(site, -3_600);
  await rig.rule({ channel_ids: [channel.id] });
  await rig.disconnected(site, 0);
  await rig.evaluate(300);
  return site;
}

const channelNow = (id: string) => ok(rig.api.get<AlertChannelDto>(`/admin/alert-channels/${id}`));

describe('a webhook', () => {
  it('gets what it can prove to be ours, and is told when it is over', async () => {
    const channel = await rig.webhook(receiver.url);
    const site = await opened(channel, HOSTILE);
    await rig.send(301);
    const [{ headers, body }] = receiver.received as [(typeof receiver.received)[number]];
    const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['x-serviceradar-signature'] as string)!;
    expect(createHmac('sha256', 'a secret of sixteen').update(`${time}.${body}`).digest('hex')).toBe(signature);
    const [delivery] = await rig.deliveries({ channel: channel.id });
    expect([headers['x-serviceradar-delivery'], headers['content-type']]).toEqual([delivery!.id, 'application/json']);
    expect(receiver.messages).toMatchObject([{ id: delivery!.id, event: 'opened', total: 1, alerts: [{ site: { name: HOSTILE }, severity: 'critical' }] }]);
    expect(delivery).toMatchObject({ status: 'sent', attempts: 1, sent_at: rig.at(301).toISOString() });
    await rig.connected(site, 310);
    await rig.evaluate(400);
    await rig.send(400);
    expect(receiver.messages).toMatchObject([{ event: 'opened' }, { event: 'resolved', alerts: [{ resolution: 'recovered' }] }]);
    expect(await rig.send(401)).toBe(0);
  });

  it('that is broken is tried again with longer and longer breaks, then given up; that is seen, and what comes after arrives', async () => {
    const channel = await rig.webhook(receiver.url);
    const site = await opened(channel);
    receiver.answer = (_request, response) => void response.writeHead(503).end('x'.repeat(100_000));
    let seconds = 301;
    for (const delay of DELAYS) {
      expect(await rig.send(seconds)).toBe(1);
      expect(await rig.send(seconds + delay - 1)).toBe(0);
      seconds += delay;
    }
    const failing = { failing_since: rig.at(301).toISOString(), last_error: `127.0.0.1:${receiver.port} answered 503.` };
    expect(await channelNow(channel.id)).toMatchObject({ ...failing, last_sent_at: null });
    await rig.connected(site, 310);
    await rig.evaluate(400);
    // What comes after waits for it.
    expect(await rig.send(seconds - 1)).toBe(0);
    receiver.answer = (_request, response) => void response.writeHead(seconds === 0 ? 204 : 503).end();
    expect(await rig.send(seconds)).toBe(2);
    receiver.answer = (_request, response) => void response.writeHead(204).end();
    await rig.send(seconds + 10);
    expect((await rig.deliveries({ channel: channel.id })).map(({ event, status, attempts }) => [event, status, attempts])).toEqual([
      ['resolved', 'sent', 2],
      ['opened', 'failed', DELAYS.length + 1],
    ]);
    expect(new Set(receiver.received.map(({ headers }) => headers['x-serviceradar-delivery'])).size).toBe(2);
    expect(await channelNow(channel.id)).toMatchObject({ failing_since: null, last_sent_at: rig.at(seconds + 10).toISOString() });
  });

  it.each([
    [404, 'failed'],
    [429, 'pending'],
    [302, 'pending'],
  ])('that answers %d has its message %s', async (status, expected) => {
    const channel = await rig.webhook(receiver.url);
    await opened(channel);
    receiver.answer = (_request, response) => void response.writeHead(status, { location: receiver.url }).end();
    await rig.send(301);
    expect((await rig.deliveries({ channel: channel.id })).map((one) => one.status)).toEqual([expected]);
    // A redirect is not followed.
    expect(receiver.received).toHaveLength(1);
  });

  it('gets what it is owed where it leads to now, at once', async () => {
    const channel = await rig.webhook(`http://127.0.0.1:${await freePort()}/`);
    await opened(channel);
    await rig.send(301);
    expect((await channelNow(channel.id)).last_error).toContain('ECONNREFUSED');
    await ok(rig.api.patch(`/admin/alert-channels/${channel.id}`, { url: receiver.url }));
    // The API has a clock of its own, which has not come as far.
    await rig.send(302);
    expect(receiver.messages).toMatchObject([{ event: 'opened' }]);
  });
});

describe('a worker that dies', () => {
  it('after an alert has opened leaves the message to another, who sends it once', async () => {
    const channel = await rig.webhook(receiver.url);
    await opened(channel);
    expect(await rig.deliveries({ channel: channel.id })).toMatchObject([{ status: 'pending', attempts: 0 }]);
    await Promise.all([rig.send(305), rig.send(305), rig.send(305)]);
    await rig.evaluate(310);
    await rig.send(310);
    expect(receiver.messages).toMatchObject([{ event: 'opened', total: 1 }]);
  });

  it('after the message has arrived, and before that is on record, has it sent again with the same id, and then no more', async () => {
    const channel = await rig.webhook(receiver.url);
    await opened(channel);
    rig.set(301);
    const dying = Object.assign(Object.create(rig.database) as Database, { transaction: () => Promise.reject(new Error('killed')) });
    await expect(rig.sender(dying).run()).rejects.toThrow('killed');
    expect(await rig.send(360)).toBe(0);
    expect(await rig.send(361)).toBe(1);
    expect(await rig.send(9_999)).toBe(0);
    expect(receiver.received.map(({ headers }) => headers['x-serviceradar-delivery'])).toEqual(Array(2).fill((await rig.deliveries({ channel: channel.id }))[0]!.id));
  });

  it('while it writes an alert leaves neither alert nor message', async () => {
    const channel = await rig.webhook(receiver.url);
    const site = await rig.site('Site');
    await rig.connected(site, -3_600);
    await rig.rule({ channel_ids: [channel.id] });
    await rig.disconnected(site, 0);
    // The last of what is written.
    await rig.app.database.asSuperuser((client) => client.query('alter table alert_delivery_items add constraint fails check (false) not valid'));
    await expect(rig.evaluate(300)).rejects.toThrow('fails');
    expect([await rig.alerts(), await rig.deliveries({ channel: channel.id })]).toEqual([[], []]);
    await rig.app.database.asSuperuser((client) => client.query('alter table alert_delivery_items drop constraint fails'));
    await rig.evaluate(305);
    await rig.send(305);
    expect([(await rig.alerts()).length, receiver.messages.length]).toEqual([1, 1]);
  });
});

describe('Slack', () => {
  it('gets names as text', async () => {
    await opened(await rig.channel({ kind: 'slack', url: receiver.url }), HOSTILE);
    await rig.send(301);
    const { text } = JSON.parse(receiver.received[0]!.body) as { text: string };
    expect(text).toBe('[critical] a"b $(touch x) `id` \'; rm %n 🏭 &lt;!channel&gt; &amp; co: The leaf has had no link to the hub for 5 minutes.');
  });
});

describe('e-mail', () => {
  it('reaches each recipient, with the name as it is and no header of its own', async () => {
    const channel = await rig.channel({ kind: 'email', recipients: ['a@acme.example', 'b@acme.example'] });
    await opened(channel, 'Hamburg %n $(touch x)');
    await rig.send(301);
    const [delivery] = await rig.deliveries({ channel: channel.id });
    expect(delivery).toMatchObject({ status: 'sent' });
    expect(mails).toMatchObject([{ to: ['a@acme.example', 'b@acme.example'] }]);
    const { text } = mails[0]!;
    expect(text).toContain('From: ServiceRadar <alerts@edge.example>');
    expect(text.replace(/\r\n /g, ' ')).toContain('Subject: [critical] Hamburg %n $(touch x): The leaf has had no link to the hub for 5 minutes.');
    expect(text).toContain(`Message-ID: <${delivery!.id}@edge.example>`);
  });

  it('to somebody whom the server does not know is given up, and says so', async () => {
    const channel = await rig.channel({ kind: 'email', recipients: ['nobody@acme.example'] });
    await opened(channel);
    await rig.send(301);
    expect(await rig.deliveries({ channel: channel.id })).toMatchObject([{ status: 'failed', last_error: 'The mail server did not take it (550).' }]);
  });
});

describe('a test message', () => {
  it('is sent once, without waiting for what the channel owes, and its outcome is seen', async () => {
    const channel = await rig.webhook(receiver.url);
    await opened(channel);
    receiver.answer = (_request, response) => void response.writeHead(503).end();
    await rig.send(301);
    const answer = await rig.api.post<{ id: string; status: string }>(`/admin/alert-channels/${channel.id}/test`);
    expect(answer).toMatchObject({ status: 202, body: { event: 'test', status: 'pending' } });
    await rig.send(305);
    expect((await rig.deliveries({ channel: channel.id })).find(({ event }) => event === 'test')).toMatchObject({ status: 'failed', attempts: 1 });
    receiver.reset();
    await ok(rig.api.post(`/admin/alert-channels/${channel.id}/test`));
    await rig.send(306);
    expect(receiver.messages).toMatchObject([{ event: 'test', total: 0 }]);
  });
});

describe('a channel that is deleted', () => {
  it('is owed nothing any more, and no rule tells it of anything', async () => {
    const [deleted, kept] = [await rig.webhook(receiver.url), await rig.channel({ kind: 'slack', url: receiver.url })];
    const rule = await rig.rule({ channel_ids: [deleted.id, kept.id] });
    const site = await rig.site('Site');
    await rig.connected(site, -3_600);
    await rig.disconnected(site, 0);
    await rig.evaluate(300);
    expect((await rig.api.delete(`/admin/alert-channels/${deleted.id}`)).status).toBe(204);
    expect(await ok(rig.api.get(`/admin/alert-rules/${rule.id}`))).toMatchObject({ channel_ids: [kept.id] });
    await rig.connected(site, 310);
    await rig.evaluate(400);
    expect(await rig.send(400)).toBe(2);
    expect(await rig.send(401)).toBe(0);
    expect(receiver.received).toHaveLength(2);
  });
});

describe('in a process with the role of a worker', () => {
  it('all of it happens by itself, and is told to Prometheus', async () => {
    const channel = await rig.webhook(receiver.url);
    const site = await rig.site('Site');
    await rig.rule({ kind: 'drifted_for', threshold: 10, resolve_after: 0, channel_ids: [channel.id] });
    await rig.leaf(site, { driftedSince: rig.at(-60) });
    const metricsPort = await freePort();
    await rig.app.restart({ ROLES: 'api,worker', METRICS_PORT: String(metricsPort) });
    await until('the alert is told of', () => receiver.messages.find(({ event }) => event === 'opened'));
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toContain('serviceradar_edge_alerts{tenant="acme",severity="critical",status="open"} 1');
    expect(metrics).toContain('serviceradar_edge_alert_deliveries_failed{tenant="acme"} 0');
    await rig.leaf(site, { driftedSince: null });
    await until('it is told to be over', () => receiver.messages.find(({ event }) => event === 'resolved'));
    expect(receiver.messages).toHaveLength(2);
    expect(await rig.database.statement(PLATFORM, `select from alerts where status <> 'resolved'`, [])).toEqual([]);
  });
});
