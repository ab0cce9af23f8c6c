import { Agent, AgentService, NatsLeafServer, NatsUser } from '#libs/model';
import { newId, systemClock, systemRandom } from '#libs/kernel';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { LeafPresence } from '../../../src/edge-sites/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,worker' });
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const em = () => app.database.database.em(PLATFORM);
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);
let made = 0;

/** A site that is provisioned. */
async function site() {
  const { id } = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Plant ${(made += 1)}` }));
  const get = () => ok(acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`));
  await until('the leaf is provisioned', async () => (await get()).leaf_server.status === 'provisioned');
  const whose = { tenantId: acme.id, edgeSiteId: id };
  const presence = app.service.app.get(LeafPresence, { strict: false });
  return {
    id,
    get,
    state: async () => (await get()).health.state,
    codes: async () => (await get()).health.reasons.map(({ code }) => code),
    connect: (at: Date) => presence.record(acme.id, [{ ...whose, type: 'connected', linkId: `hub:${id}`, at, generation: 1 }]),
    disconnect: (at: Date, reason: string | null = null) => presence.record(acme.id, [{ ...whose, type: 'disconnected', linkId: `hub:${id}`, at, reason }]),
    leaf: (changed: Partial<NatsLeafServer>) => em().nativeUpdate(NatsLeafServer, { edgeSiteId: id }, changed),
    revoke: (at: Date) => em().nativeUpdate(NatsUser, { edgeSiteId: id, purpose: 'leaf' }, { status: 'revoked', revokedAt: at }),
    /** @param leaf what the agent says of it */
    async agent(lastSeenAt: Date, leaf?: { available: boolean; upstream_connected?: unknown; at: Date }) {
      const agentId = newId(systemClock, systemRandom);
      const says = { version: '1', hostname: 'h', os: 'linux', arch: 'amd64', capabilities: [], labels: {}, configVersion: '', gatewayId: 'g' };
      await em().insert(Agent, { id: agentId, ...whose, agentId: `agent-${agentId}`, ...says, firstSeenAt: ago(3600), lastSeenAt });
      if (leaf === undefined) return;
      const { available, at, ...details } = leaf;
      await em().insert(AgentService, { agentId, serviceName: 'nats-leaf', ...whose, serviceType: 'nats_leaf', available, details, responseTimeNs: 1, reportedAt: at, changedAt: at });
    },
  };
}

describe('the health of a site', () => {
  it('is that it never connected, since it was created', async () => {
    const created = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Plant ${(made += 1)}` }));
    const reason = { code: 'never_connected', detail: 'The leaf has never connected to the hub: install the bundle at the site.', since: created.created_at };
    expect(created.health).toEqual({ state: 'never_connected', since: created.created_at, reasons: [reason] });
    expect((await ok(acme.api.patch<EdgeSiteDto>(`/admin/edge-sites/${created.id}`, { labels: { a: 'b' } }))).health).toEqual(created.health);
  });

  it('follows the hub, and is the same each time it is read', async () => {
    const { id, connect, disconnect, get } = await site();
    const [connected, gone] = [ago(100), ago(50)];
    await connect(connected);
    expect((await get()).health).toMatchObject({ state: 'connected', since: connected.toISOString() });
    await disconnect(gone, 'Stale Connection');
    const first = await acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`);
    expect(first.body.health).toMatchObject({ state: 'site_dark', since: gone.toISOString() });
    expect(first.body.health.reasons.map(({ code, detail }) => [code, detail])).toEqual([
      ['disconnected', 'The leaf is not connected to the hub. The hub’s reason: Stale Connection.'],
      ['no_agent', expect.any(String)],
    ]);
    const tag = first.headers.get('etag')!;
    expect((await acme.api.call('GET', `/admin/edge-sites/${id}`, { headers: { 'if-none-match': tag } })).status).toBe(304);
  });

  it.each([
    ['wan_down', 'that the leaf is up and not upstream', { available: true, upstream_connected: false }, 1, ['disconnected', 'leaf_available', 'upstream_disconnected']],
    ['wan_down', 'that the leaf is upstream', { available: true, upstream_connected: true }, 1, ['disconnected', 'leaf_available', 'upstream_claimed']],
    ['wan_down', 'nonsense of upstream', { available: true, upstream_connected: 'x' }, 1, ['disconnected', 'leaf_available']],
    ['leaf_down', 'that the leaf is not well', { available: false }, 1, ['disconnected', 'leaf_unavailable']],
    ['leaf_down', 'nothing of the leaf for long', { available: true, upstream_connected: true }, 600, ['disconnected', 'leaf_not_reported']],
    ['leaf_down', 'nothing of the leaf', undefined, 1, ['disconnected', 'leaf_not_reported']],
  ])('is %s when the agent says %s while the hub sees no link', async (state, _what, leaf, seconds, codes) => {
    const one = await site();
    await one.connect(ago(100));
    await one.disconnect(ago(50));
    await one.agent(ago(1), leaf && { ...leaf, at: ago(seconds) });
    expect([await one.state(), await one.codes()]).toEqual([state, codes]);
  });

  it('is dark when the agent is silent, too, and that of the leaf alone when it is not', async () => {
    const one = await site();
    await one.connect(ago(1_000));
    const last = ago(200);
    await one.agent(last, { available: true, upstream_connected: true, at: last });
    expect((await one.get()).health).toMatchObject({ state: 'agent_down', since: new Date(last.getTime() + 90_000).toISOString() });
    await one.disconnect(ago(60));
    expect([await one.state(), await one.codes()]).toEqual(['site_dark', ['disconnected', 'agent_silent']]);
    // Another one of the same site is heard of.
    await one.agent(ago(1), { available: true, upstream_connected: false, at: ago(1) });
    expect(await one.state()).toBe('wan_down');
  });

  it('is that its credentials are revoked when those are that it has', async () => {
    const one = await site();
    await one.connect(ago(100));
    await one.revoke(ago(10));
    expect([await one.state(), await one.codes()]).toEqual(['credentials_revoked', ['credentials_revoked', 'connected']]);
    // Those of a generation that it has left are not its own.
    await one.leaf({ installedGeneration: 2 });
    expect(await one.state()).toBe('connected');
  });

  it('is what the hub ended the link for', async () => {
    const one = await site();
    await one.connect(ago(100));
    await one.disconnect(ago(50), 'Credentials Revoked');
    expect(await one.state()).toBe('credentials_revoked');
    await one.connect(ago(40));
    expect(await one.state()).toBe('connected');
    await one.disconnect(ago(30), 'Authentication Expired');
    expect(await one.state()).toBe('credentials_expired');
  });

  it('is that its certificates have ended, of the generation that it has', async () => {
    const one = await site();
    await one.connect(ago(100));
    const ended = ago(20);
    await one.leaf({ installedCertExpiresAt: ended });
    expect((await one.get()).health).toMatchObject({ state: 'credentials_expired', since: ended.toISOString() });
  });

  it('is that it has drifted while it is connected', async () => {
    const one = await site();
    await one.leaf({ driftedSince: ago(70), runningChecksum: '0'.repeat(64) });
    expect(await one.state()).toBe('never_connected');
    await one.connect(ago(100));
    expect([await one.state(), await one.codes()]).toEqual(['drifted', ['drifted', 'connected']]);
  });

  it('is the same in the list, for each site its own', async () => {
    const [one, other] = [await site(), await site()];
    await one.connect(ago(100));
    await other.agent(ago(1), { available: false, at: ago(1) });
    const { data } = await ok(acme.api.get<{ data: EdgeSiteDto[] }>('/admin/edge-sites?limit=2'));
    expect(data.map(({ id, health }) => [id, health])).toEqual([[other.id, (await other.get()).health], [one.id, (await one.get()).health]]);
    expect(data.map(({ health }) => health.state)).toEqual(['never_connected', 'connected']);
  });
});
