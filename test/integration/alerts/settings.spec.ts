import type { AlertChannelDto } from '../../../src/alerts/dto/alert-channel.dto.js';
import { Rig } from './rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start({});
});
afterAll(() => rig.app.close());

interface Refused {
  code: string;
  errors: { pointer: string; code: string }[];
}

const refusal = async (path: string, body: object) => {
  const answer = await rig.api.post<Refused>(path, body);
  return [answer.status, ...(answer.body.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`)];
};

const WEBHOOK = { name: 'On call', kind: 'webhook', url: 'https://alerts.example/x?token=hunter2', secret: 'hunter2 hunter2 hunter2' };

describe('a channel', () => {
  it.each([
    ['a webhook without a secret', { ...WEBHOOK, secret: undefined }, '/secret missing'],
    ['Slack with a secret', { name: 'x', kind: 'slack', url: WEBHOOK.url, secret: WEBHOOK.secret }, '/secret not_of_kind'],
    ['e-mail without recipients', { name: 'x', kind: 'email' }, '/recipients missing'],
    ['e-mail to what is no address', { name: 'x', kind: 'email', recipients: ['a@acme.example\r\nBcc: b@acme.example'] }, '/recipients is_email'],
    ['a URL with a password', { ...WEBHOOK, url: 'https://u:p@alerts.example/' }, '/url invalid_url'],
    ['a URL of a file', { ...WEBHOOK, url: 'file:///etc/passwd' }, '/url invalid_url'],
    ['a URL in the clear', { ...WEBHOOK, url: 'http://alerts.example/' }, '/url insecure_url'],
  ])('is refused for %s', async (_what, body, expected) => {
    expect(await refusal('/admin/alert-channels', body)).toEqual([422, expected]);
  });

  it('shows neither URL nor secret again, and keeps what is not changed', async () => {
    const channel = await rig.channel(WEBHOOK);
    const changed = await rig.api.patch<AlertChannelDto>(`/admin/alert-channels/${channel.id}`, { url: 'https://other.example/hunter2' });
    expect(changed).toMatchObject({ status: 200, body: { origin: 'https://other.example', name: 'On call' } });
    const shown = [channel, changed.body, (await rig.api.get('/admin/alert-channels')).body, (await rig.api.get('/admin/audit-events')).body];
    expect(JSON.stringify(shown)).not.toContain('hunter2');
  });
});

describe('a rule', () => {
  const RULE = { name: 'x', kind: 'disconnected_for', threshold: 300, severity: 'info' };

  it.each([
    ['an agent that is silent for less than two heartbeats', { ...RULE, kind: 'agent_silent_for', threshold: 59 }, '/threshold too_short'],
    ['checks of another kind', { ...RULE, checks: ['web'] }, '/checks not_of_kind'],
    ['leaves that never connected, of another kind', { ...RULE, kind: 'drifted_for', includes_never_connected: true }, '/includes_never_connected not_of_kind'],
    ['a channel that is not there', { ...RULE, channel_ids: ['01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed1'] }, '/channel_ids/0 unknown_channel'],
  ])('is refused for %s', async (_what, body, expected) => {
    expect(await refusal('/admin/alert-rules', body)).toEqual([422, expected]);
  });

  it('is refused for a channel of another tenant', async () => {
    const other = await rig.app.tenant('Globex');
    const { body } = await other.api.post<{ id: string }>('/admin/alert-channels', { name: 'x', kind: 'nats' });
    expect(await refusal('/admin/alert-rules', { ...RULE, channel_ids: [body.id] })).toEqual([422, '/channel_ids/0 unknown_channel']);
  });

  it('resolves after a minute when nobody says after how long, or after its threshold if that is less', async () => {
    expect([(await rig.rule({ threshold: 300 })).resolve_after, (await rig.rule({ threshold: 20 })).resolve_after]).toEqual([60, 20]);
  });

  it('is not changed by whoever has seen another version', async () => {
    const { id } = await rig.rule();
    const { headers } = await rig.api.get(`/admin/alert-rules/${id}`);
    const change = () => rig.api.call('PATCH', `/admin/alert-rules/${id}`, { body: { threshold: 60 }, headers: { 'if-match': headers.get('etag')! } });
    expect([(await change()).status, (await change()).status]).toEqual([200, 412]);
  });
});

describe('a silence', () => {
  it.each([
    ['that has ended', -1, '/until in_past'],
    ['that lasts for more than 90 days', 91 * 86_400, '/until too_far'],
  ])('%s is refused', async (_what, seconds, expected) => {
    expect(await refusal('/admin/alert-silences', { reason: 'x', until: rig.at(seconds).toISOString() })).toEqual([422, expected]);
  });
});
