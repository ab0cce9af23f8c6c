import { newId, systemClock, systemRandom } from '#libs/kernel';
import { Agent, AgentService, Alert, LeafConnection, SiteBuffer } from '#libs/model';
import { ok } from '../../../lab/api.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { Rig } from './rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterAll(() => rig.app.close());
beforeEach(() => rig.clear());

const id = () => newId(systemClock, systemRandom);
const insert = (entity: unknown, data: object) => rig.database.em(PLATFORM).insert(entity as never, { tenantId: rig.tenant.id, ...data } as never);
const statuses = async () => (await rig.alerts()).map(({ site_name, status, resolution }) => [site_name, status, resolution].filter(Boolean).join(' ')).sort();

/** A site whose leaf connected an hour ago. */
async function connectedSite(name: string, labels?: Record<string, string>): Promise<string> {
  const site = await rig.site(name, labels);
  await rig.connected(site, -3_600);
  return site;
}

describe('a site that the hub loses', () => {
  it('has one alert from the threshold on, until it has been back for a while; the next time it has another', async () => {
    const site = await connectedSite('Hamburg "$(touch x)"');
    const channel = await rig.channel({ kind: 'nats' });
    await rig.rule({ resolve_after: 60, channel_ids: [channel.id] });
    await rig.disconnected(site, 0);
    await rig.evaluate(299);
    expect(await statuses()).toEqual([]);
    for (const seconds of [300, 305, 1_000]) await rig.evaluate(seconds);
    expect(await rig.alerts()).toMatchObject([
      {
        status: 'open', site_name: 'Hamburg "$(touch x)"', rule_name: 'Gone', severity: 'critical', last_value: 1_000, edge_site_id: site,
        summary: 'The leaf has had no link to the hub for 5 minutes.', detail: { reason: 'Client Closed', flapping: false },
      },
    ]);
    await rig.connected(site, 1_001);
    await rig.evaluate(1_060);
    expect(await rig.alerts()).toMatchObject([{ status: 'open' }]);
    await rig.evaluate(1_061);
    const [alert] = await rig.alerts();
    expect(alert).toMatchObject({ status: 'resolved', resolution: 'recovered', resolved_at: rig.at(1_061).toISOString() });
    expect((await rig.deliveries({ alert: alert!.id })).map(({ event, status }) => `${event} ${status}`)).toEqual(['resolved pending', 'opened pending']);
    await rig.disconnected(site, 2_000);
    await rig.evaluate(2_300);
    expect((await rig.alerts()).map(({ status }) => status)).toEqual(['open', 'resolved']);
  });

  it('has one alert for many short links, counted from when the last one ended that lasted', async () => {
    const site = await connectedSite('Flapping');
    await rig.rule({ resolve_after: 60 });
    const ends: [from: number, to: number][] = [[-3_600, 0], [20, 30], [50, 70], [90, 140], [150, 155]];
    for (const [from, to] of ends) {
      await insert(LeafConnection, { id: id(), edgeSiteId: site, generation: 1, linkId: 'HUB:1', connectedAt: rig.at(from), disconnectedAt: rig.at(to), reason: null });
    }
    await rig.disconnected(site, 155);
    await rig.evaluate(299);
    expect(await statuses()).toEqual([]);
    await rig.evaluate(300);
    expect(await rig.alerts()).toMatchObject([{ status: 'open', since: rig.at(0).toISOString(), detail: { flapping: true } }]);
    // Back for less than it takes, and gone again.
    await rig.connected(site, 320);
    await rig.evaluate(340);
    await rig.disconnected(site, 341);
    await rig.evaluate(345);
    expect(await statuses()).toEqual(['Flapping open']);
  });

  it('has none while nobody watches the hub, and for as long as leaves are given to come back', async () => {
    const site = await connectedSite('Unwatched');
    await rig.rule();
    await rig.disconnected(site, 0);
    await rig.evaluate(1_000, { hub: false });
    expect(await statuses()).toEqual([]);
    rig.set(1_000);
    await rig.watched(1_000);
    await rig.evaluate(1_119);
    expect(await statuses()).toEqual([]);
    await rig.evaluate(1_120);
    expect(await statuses()).toEqual(['Unwatched open']);
  });
});

describe('what else is watched', () => {
  it('opens and resolves an alert each, by what is on record', async () => {
    const site = await connectedSite('Everything');
    await connectedSite('Well');
    const since = rig.at(-600);
    await rig.leaf(site, { driftedSince: since, certExpiresAt: rig.at(86_400) });
    const agentId = id();
    const agent = { id: agentId, edgeSiteId: site, version: '1', hostname: 'h', os: 'linux', arch: 'x64', capabilities: [], labels: {}, configVersion: '', gatewayId: 'g' };
    await insert(Agent, { ...agent, agentId: 'edge-1', firstSeenAt: since, lastSeenAt: since });
    const service = { agentId, edgeSiteId: site, serviceType: 'http', details: {}, responseTimeNs: 0, reportedAt: since };
    await insert(AgentService, { ...service, serviceName: 'web', available: false, changedAt: since });
    await insert(AgentService, { ...service, serviceName: 'db', available: true, changedAt: since });
    const buffer = { messages: 1, bytes: 900, lastSequence: 1, forwardedSequence: 0, waitingMessages: 1, waitingBytes: 900, oldestAgeMs: 1, messageRate: 1, byteRate: 1, rateSpan: 1 };
    const limits = { maxAgeMs: 604_800_000, maxBytes: 1_000, discard: 'old', streamCreatedAt: since, leafTime: since, requestId: null };
    await insert(SiteBuffer, { edgeSiteId: site, measuredAt: rig.at(0), linkId: 'HUB:1', ...buffer, ...limits });

    await rig.rule({ name: 'a', kind: 'drifted_for', threshold: 600 });
    await rig.rule({ name: 'b', kind: 'cert_expires_within', threshold: 2 * 86_400 });
    await rig.rule({ name: 'c', kind: 'agent_silent_for', threshold: 90 });
    await rig.rule({ name: 'd', kind: 'check_failing_for', threshold: 60, checks: ['web'] });
    await rig.rule({ name: 'e', kind: 'check_failing_for', threshold: 60, checks: ['db'] });
    await rig.rule({ name: 'f', kind: 'buffer_full_within', threshold: 3_600 });
    await rig.evaluate(10);
    const opened = (await rig.alerts()).map(({ rule_name, site_name, summary, last_value }) => [rule_name, site_name, summary, last_value]).sort();
    expect(opened).toEqual([
      ['a', 'Everything', 'The site has run something else than it should for 10 minutes.', 610],
      ['b', 'Everything', 'The certificates of the leaf expire in 23 hours.', 86_390],
      ['c', 'Everything', 'The agent "edge-1" has said nothing for 10 minutes.', 610],
      ['d', 'Everything', 'The check "web" has failed for 10 minutes.', 610],
      ['f', 'Everything', 'The buffer of the leaf is full in 90 seconds.', 90],
    ]);

    await rig.leaf(site, { driftedSince: null, certExpiresAt: rig.at(90 * 86_400) });
    const em = rig.database.em(PLATFORM);
    await em.nativeUpdate(Agent, { id: agentId }, { lastSeenAt: rig.at(1_000) });
    await em.nativeUpdate(AgentService, { serviceName: 'web' }, { available: true });
    await em.nativeUpdate(SiteBuffer, { edgeSiteId: site }, { waitingBytes: 0, byteRate: 0, oldestAgeMs: null });
    await rig.evaluate(1_000);
    await rig.evaluate(1_060);
    expect((await rig.alerts()).map(({ rule_name, status }) => `${rule_name} ${status}`).sort()).toEqual(['a', 'b', 'c', 'd', 'f'].map((name) => `${name} resolved`));
  });
});

describe('a rule', () => {
  it('watches sites with its labels, as they are now', async () => {
    const east = await connectedSite('East', { region: 'east' });
    const west = await connectedSite('West', { region: 'west' });
    await rig.rule({ label_selector: { region: 'east' } });
    await rig.disconnected([east, west], 0);
    await rig.evaluate(300);
    expect(await statuses()).toEqual(['East open']);
    await ok(rig.api.patch(`/admin/edge-sites/${east}`, { labels: {} }));
    await ok(rig.api.patch(`/admin/edge-sites/${west}`, { labels: { region: 'east' } }));
    await rig.evaluate(305);
    expect(await statuses()).toEqual(['East resolved not_watched', 'West open']);
  });

  it('that is deleted or not enabled has its alerts resolved, and whoever was told is told', async () => {
    const site = await connectedSite('Site');
    const channel = await rig.channel({ kind: 'nats' });
    const [deleted, disabled] = [await rig.rule({ name: 'deleted', channel_ids: [channel.id] }), await rig.rule({ name: 'disabled' })];
    await rig.disconnected(site, 0);
    await rig.evaluate(300);
    expect(await statuses()).toEqual(['Site open', 'Site open']);
    await ok(rig.api.delete(`/admin/alert-rules/${deleted.id}`));
    await ok(rig.api.patch(`/admin/alert-rules/${disabled.id}`, { enabled: false }));
    await rig.evaluate(305);
    expect(await statuses()).toEqual(['Site resolved not_watched', 'Site resolved rule_deleted']);
    expect((await rig.deliveries({ channel: channel.id })).map(({ event }) => event)).toEqual(['resolved', 'opened']);
  });

  it('has its alert resolved when the site is deleted', async () => {
    const site = await connectedSite('Site');
    await rig.rule();
    await rig.disconnected(site, 0);
    await rig.evaluate(300);
    expect((await rig.api.delete(`/admin/edge-sites/${site}?buffered=discard`)).status).toBe(204);
    await rig.evaluate(305);
    expect(await rig.alerts()).toMatchObject([{ status: 'resolved', resolution: 'site_deleted', edge_site_id: null, site_name: 'Site' }]);
  });
});

describe('an alert', () => {
  it('that is silenced opens, and people are told once the silence has ended, if it is still so', async () => {
    const site = await connectedSite('Site');
    const channel = await rig.channel({ kind: 'nats' });
    await rig.rule({ channel_ids: [channel.id] });
    const silence = { reason: 'Power is worked on', edge_site_id: site, until: rig.at(900).toISOString() };
    await ok(rig.api.post('/admin/alert-silences', silence));
    await rig.disconnected(site, 0);
    await rig.evaluate(300);
    const [alert] = await rig.alerts();
    expect([alert!.status, await rig.deliveries({ alert: alert!.id })]).toEqual(['open', []]);
    await rig.evaluate(899);
    expect(await rig.deliveries({ alert: alert!.id })).toEqual([]);
    for (const seconds of [900, 905]) await rig.evaluate(seconds);
    expect(await rig.deliveries({ alert: alert!.id })).toMatchObject([{ event: 'opened' }]);
  });

  it('that is silenced for all of its life is told of to nobody', async () => {
    const site = await connectedSite('Site');
    const channel = await rig.channel({ kind: 'nats' });
    const rule = await rig.rule({ channel_ids: [channel.id] });
    await ok(rig.api.post('/admin/alert-silences', { reason: 'x', rule_id: rule.id, until: rig.at(9_000).toISOString() }));
    await rig.disconnected(site, 0);
    await rig.evaluate(300);
    await rig.connected(site, 310);
    await rig.evaluate(400);
    expect(await statuses()).toEqual(['Site resolved recovered']);
    expect(await rig.deliveries({ channel: channel.id })).toEqual([]);
  });

  it('that is acknowledged says by whom, is told of to nobody else, and resolves by itself', async () => {
    const site = await connectedSite('Site');
    const [first, second] = [await rig.channel({ kind: 'nats' }), await rig.channel({ kind: 'nats' })];
    const rule = await rig.rule({ channel_ids: [first.id] });
    await rig.disconnected(site, 0);
    await rig.evaluate(300);
    const [alert] = await rig.alerts();
    const operator = await rig.app.keyOf(rig.tenant.slug, 'operator');
    expect(await ok(operator.post(`/admin/alerts/${alert!.id}/acknowledge`))).toMatchObject({ status: 'acknowledged', acknowledged_by: expect.stringMatching(/^api_key:/) });
    await ok(rig.api.patch(`/admin/alert-rules/${rule.id}`, { channel_ids: [first.id, second.id] }));
    await rig.evaluate(305);
    expect(await rig.deliveries({ channel: second.id })).toEqual([]);
    await rig.connected(site, 310);
    await rig.evaluate(400);
    expect(await statuses()).toEqual(['Site resolved recovered']);
    expect((await rig.deliveries({ channel: first.id })).map(({ event }) => event)).toEqual(['resolved', 'opened']);
    expect((await rig.api.post(`/admin/alerts/${alert!.id}/acknowledge`)).status).toBe(409);
  });

  it('is one, however many workers evaluate', async () => {
    const site = await connectedSite('Site');
    const channel = await rig.channel({ kind: 'nats' });
    await rig.rule({ channel_ids: [channel.id] });
    await rig.disconnected(site, 0);
    rig.set(300);
    await rig.database.statement(PLATFORM, 'update watches set seen_at = ? returning name', [rig.clock.now()]);
    const failures: unknown[] = [];
    await Promise.all(Array.from({ length: 8 }, () => rig.evaluator().run((error) => failures.push(error))));
    expect([failures, (await rig.alerts()).length, (await rig.deliveries({ channel: channel.id })).length]).toEqual([[], 1, 1]);
  });

  it('cannot be there twice, whoever writes it', async () => {
    const site = await connectedSite('Site');
    await rig.rule();
    await rig.disconnected(site, 0);
    await rig.evaluate(300);
    const [alert] = await rig.database.em(PLATFORM).find(Alert, {}, { disableIdentityMap: true });
    await expect(rig.database.em(PLATFORM).insert(Alert, { ...alert!, id: id() })).rejects.toThrow('alerts_unresolved');
  });
});
