import { type AlertInMessage, headlineOf, linesOf, LISTED_MAX, mailOf, natsSubjectOf, notificationOf, slackBodyOf } from './message.js';
import { spokenDuration, summaryOf } from './text.js';
import { NOW } from './test-site.js';

const alert = (over: Partial<AlertInMessage> = {}): AlertInMessage => ({
  id: 'alert-1',
  kind: 'disconnected_for',
  severity: 'warning',
  rule: { id: 'rule-1', name: 'Gone' },
  site: { id: 'site-1', name: 'New York', slug: 'new-york' },
  summary: 'The leaf has had no link to the hub for 5 minutes.',
  opened_at: NOW.toISOString(),
  resolved_at: null,
  resolution: null,
  detail: {},
  ...over,
});
const opened = (...alerts: AlertInMessage[]) => notificationOf('opened', 'acme', alerts, NOW);

describe('what is told', () => {
  it('of one alert stands in one line', () => {
    expect(headlineOf(opened(alert()))).toBe('[warning] New York: The leaf has had no link to the hub for 5 minutes.');
    expect(headlineOf(notificationOf('resolved', 'acme', [alert()], NOW))).toBe('[resolved] New York: Gone');
  });

  it('of many is one message that lists the worst of them, and counts all', () => {
    const many = opened(...Array.from({ length: 70 }, (_, at) => alert({ id: `alert-${at}`, severity: at === 69 ? 'critical' : 'info' })));
    expect([many.total, many.alerts.length, many.severity, many.alerts[0]!.id]).toEqual([70, LISTED_MAX, 'critical', 'alert-69']);
    expect(headlineOf(many)).toBe('[critical] 70 alerts opened');
    expect(linesOf(many).at(-1)).toBe('… and 20 more.');
  });

  it.each([
    ['recovered', 'It is over.'],
    ['rule_deleted', 'The rule was deleted.'],
    ['site_deleted', 'The site was deleted.'],
    ['not_watched', 'The rule does not watch the site any more.'],
  ])('of one that is resolved as %s says: %s', (resolution, text) => {
    expect(linesOf(notificationOf('resolved', 'acme', [alert({ resolution })], NOW))).toEqual([`[resolved] New York (Gone): ${text}`]);
  });
});

describe('names of people', () => {
  const hostile = ['a"b', '$(touch x)', '`id`', `'; rm -rf /`, '%n', '🏭', '<!channel> & <https://x|y>', 'a\r\nBcc: all@example.com', 'a\u2028b'];

  it.each(hostile)('such as %j are no mark-up for Slack', (name) => {
    const { text } = slackBodyOf(opened(alert({ site: { id: null, name, slug: 's' } })));
    expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    expect(text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')).toContain(name);
  });

  it.each(hostile)('such as %j end no line of a subject', (name) => {
    const { subject } = mailOf(opened(alert({ site: { id: null, name: name.repeat(30), slug: 's' } })));
    expect(subject).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(subject.length).toBeLessThanOrEqual(200);
  });
});

describe('the NATS subject', () => {
  it('names severity and site, if it is one', () => {
    expect(natsSubjectOf(opened(alert()))).toBe('alerts.warning.new-york');
    expect(natsSubjectOf(opened(alert(), alert({ severity: 'critical' })))).toBe('alerts.critical._several');
    expect(natsSubjectOf(notificationOf('test', 'acme', [], NOW))).toBe('alerts.info._test');
  });
});

describe('a summary', () => {
  it.each([
    ['disconnected_for', 300, {}, 'The leaf has had no link to the hub for 5 minutes.'],
    ['disconnected_for', 300, { flapping: true }, 'The leaf has had no link that lasted for 5 minutes.'],
    ['disconnected_for', 7200, { never_connected: true }, 'The leaf was provisioned 2 hours ago and has never connected.'],
    ['buffer_full_within', 0, {}, 'The buffer of the leaf is full.'],
    ['buffer_full_within', 3600, {}, 'The buffer of the leaf is full in 1 hour.'],
    ['cert_expires_within', 12 * 86_400, {}, 'The certificates of the leaf expire in 12 days.'],
    ['cert_expires_within', 0, {}, 'The certificates of the leaf have expired.'],
    ['agent_silent_for', 90, { agents: ['a"b'] }, 'The agent "a"b" has said nothing for 90 seconds.'],
    ['agent_silent_for', 120, { agents: ['a', 'b', 'c', 'd'] }, '4 agents ("a", "b", "c", …) have said nothing for 2 minutes.'],
    ['drifted_for', 600, {}, 'The site has run something else than it should for 10 minutes.'],
    ['check_failing_for', 60, { checks: ['web'] }, 'The check "web" has failed for 1 minute.'],
  ] as const)('of %s at %d with %j is: %s', (kind, value, detail, text) => {
    expect(summaryOf(kind, value, detail)).toBe(text);
  });

  it.each([
    [0, '0 seconds'],
    [1, '1 second'],
    [119, '119 seconds'],
    [120, '2 minutes'],
    [5_400, '90 minutes'],
    [86_400, '1 day'],
    [172_799, '47 hours'],
  ])('says %d as %s', (seconds, text) => {
    expect(spokenDuration(seconds)).toBe(text);
  });
});
