import { once } from 'node:events';
import { connect } from 'node:net';
import { Agent, AgentService, ApiKey, NatsLeafServer } from '#libs/model';
import { newId, systemClock, systemRandom } from '#libs/kernel';
import { type Api, ok } from '../../../lab/api.js';
import { freePort } from '../../../lab/free-port.js';
import { until } from '../../../lab/until.js';
import { ChangeLog } from '../../../src/change-events/change-log.js';
import { ChangeEventsSweep, EventStreams } from '../../../src/change-events/index.js';
import { parsePosition } from '../../../src/change-events/position.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { LeafPresence } from '../../../src/edge-sites/index.js';
import { Config } from '../../../src/platform/config/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { type RunningService, start } from '../../../src/start.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { EventReader } from '../../support/event-reader.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
  acme = await app.tenant('Acme');
});
const readers: EventReader[] = [];
afterEach(() => readers.splice(0).forEach((reader) => reader.close()));
afterAll(() => app.close());

const listen = async (api: Api = acme.api, lastEventId?: string) => {
  const reader = await EventReader.open(api, lastEventId);
  readers.push(reader);
  return reader;
};
const em = () => app.database.database.em(PLATFORM);
const BURST = `insert into change_events (tenant_id, kind, change, subject_id, edge_site_id) select $1, 'edge_site', 'changed', $2, $2 from generate_series(1, $3)`;
let made = 0;
const site = (api: Api = acme.api, body: object = {}) => ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Plant ${(made += 1)}`, ...body }));
const rename = (id: string, api: Api = acme.api) => ok(api.patch<EdgeSiteDto>(`/admin/edge-sites/${id}`, { name: `Renamed ${(made += 1)}` }));
const remove = async (id: string) => expect((await acme.api.delete(`/admin/edge-sites/${id}`)).status).toBe(204);
const untilTold = async (reader: EventReader, id: string, type = 'edge_site.created') =>
  until(`${type} is told`, () => reader.of(id).find((event) => event.type === type && event.subject.id === id));

describe('a stream of events', () => {
  it('tells of a site that comes, changes and goes, with how it is', async () => {
    const reader = await listen();
    const { id } = await site();
    const created = await untilTold(reader, id);
    expect(created).toEqual({ type: 'edge_site.created', at: expect.any(String), subject: { type: 'edge_site', id }, edge_site_id: id, status: 'pending', health: 'never_connected' });
    await rename(id);
    await untilTold(reader, id, 'edge_site.changed');
    await remove(id);
    expect(await untilTold(reader, id, 'edge_site.deleted')).toMatchObject({ status: null, health: null });
    expect(reader.of(id).map(({ type }) => type)).toEqual(['edge_site.created', 'nats_leaf_server.created', 'edge_site.changed', 'nats_leaf_server.deleted', 'edge_site.deleted']);
    expect(reader.events.every(({ event, id }) => event === 'change' && /^\d+-\d+$/.test(id))).toBe(true);
  });

  it('tells of leaves, collectors, packages and agents, and nothing of heartbeats', async () => {
    const { id: edge_site_id } = await site();
    const reader = await listen();
    const whose = { tenantId: acme.id, edgeSiteId: edge_site_id };
    await app.service.app.get(LeafPresence, { strict: false }).record(acme.id, [{ ...whose, type: 'connected', linkId: 'hub:1', at: new Date(), generation: 1 }]);
    const collector = await ok(acme.api.post<{ id: string }>('/admin/collectors', { collector_type: 'otel', edge_site_id }));
    const onboarding = await ok(acme.api.post<{ id: string }>('/admin/edge-packages', { label: 'x', component_type: 'agent', component_id: 'agent-1', edge_site_id }));
    const agentId = newId(systemClock, systemRandom);
    const says = { version: '1', hostname: 'h', os: 'linux', arch: 'amd64', capabilities: [], labels: {}, configVersion: '', gatewayId: 'g' };
    const now = new Date();
    await em().insert(Agent, { id: agentId, ...whose, agentId: 'agent-1', ...says, firstSeenAt: now, lastSeenAt: now });
    const service = { agentId, serviceName: 'nats-leaf', ...whose, serviceType: 'nats_leaf', details: { upstream_connected: true }, responseTimeNs: 1, reportedAt: now, changedAt: now };
    await em().insert(AgentService, { ...service, available: true });
    for (let beat = 0; beat < 5; beat++) {
      await em().nativeUpdate(Agent, { id: agentId }, { lastSeenAt: new Date(), version: '1' });
      await em().nativeUpdate(AgentService, { agentId }, { reportedAt: new Date(), available: true });
      await em().execute('update edge_sites set last_seen_at = now() where id = ?', [edge_site_id]);
    }
    await em().nativeUpdate(AgentService, { agentId }, { available: false, changedAt: new Date() });
    await em().nativeUpdate(Agent, { id: agentId }, { version: '2' });
    await ok(acme.api.post(`/admin/edge-packages/${onboarding.id}/revoke`));

    await until('the revocation is told', () => reader.types.at(-1) === 'onboarding_package.changed');
    const told = reader.of(edge_site_id).map(({ type, subject: { id }, status, health }) => [type, id, status, health]);
    expect(told).toEqual([
      ['edge_site.changed', edge_site_id, 'active', expect.any(String)],
      ['nats_leaf_server.changed', expect.any(String), 'pending', expect.any(String)],
      ['collector_package.created', collector.id, 'pending', expect.any(String)],
      ['onboarding_package.created', onboarding.id, expect.any(String), expect.any(String)],
      ['agent.created', agentId, null, expect.any(String)],
      ['agent.changed', agentId, null, expect.any(String)],
      ['agent.changed', agentId, null, expect.any(String)],
      ['agent.changed', agentId, null, 'connected'],
      ['onboarding_package.changed', onboarding.id, 'revoked', 'connected'],
    ]);
  });

  it('is nothing that anybody keeps or holds back, and lives on without events', async () => {
    const { response, text } = await listen();
    const { headers } = response;
    expect(['content-type', 'cache-control', 'x-accel-buffering', 'content-encoding'].map((name) => headers.get(name))).toEqual(['text/event-stream', 'no-store', 'no', null]);
    expect(text).toMatch(/^retry: 3000\n: \nid: \d+-\d+\n\n$/);
  });

  it('says nothing that is secret', async () => {
    const reader = await listen();
    const { id } = await site();
    await untilTold(reader, id);
    const { rows } = await app.database.asSuperuser((client) => client.query<Record<string, unknown>>('select * from change_events'));
    expect(new Set(rows.flatMap(Object.keys))).toEqual(new Set(['xid', 'seq', 'tenant_id', 'kind', 'change', 'subject_id', 'edge_site_id', 'site_labels', 'at']));
    expect(rows.every(({ change, kind, site_labels }) => site_labels === null || (change === 'deleted' && kind === 'edge_site'))).toBe(true);
  });
});

describe('a client that comes again', () => {
  it('misses nothing and hears nothing twice, wherever it was cut off', async () => {
    const whole = await listen();
    const sites = [await site(), await site(), await site()];
    for (const { id } of sites) await rename(id);
    await untilTold(whole, sites[2]!.id, 'edge_site.changed');
    const ids = whole.events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [at, id] of ids.entries()) {
      const again = await listen(acme.api, id);
      await until('it has caught up', () => again.events.length >= ids.length - at - 1);
      expect(again.events.map((one) => one.id)).toEqual(ids.slice(at + 1));
      again.close();
    }
  });

  it('hears what came while it was away, from the start of its stream on', async () => {
    const before = await listen();
    before.close();
    const { id } = await site();
    const after = await listen(acme.api, before.lastId);
    await untilTold(after, id);
    expect(after.of(id).map(({ type }) => type)).toEqual(['edge_site.created', 'nats_leaf_server.created']);
  });

  it.each(['x', '1', '-1-1', '18446744073709551616-1', '18446744073709551615-0', '1-1-1'])('is told to read all anew when it names %s, and goes on from there', async (id) => {
    // Somebody else's stream is on: what it hears is held in memory.
    await untilTold(await listen(), (await site()).id);
    const reader = await listen(acme.api, id);
    await until('it is told', () => reader.types[0] === 'reset');
    expect(reader.events[0]).toMatchObject({ event: 'reset', data: { type: 'reset' } });
    const made = await site();
    await untilTold(reader, made.id);
    expect(reader.types.filter((type) => type === 'reset')).toHaveLength(1);
  });

  it('is told to read all anew when what it missed is no longer kept', async () => {
    const old = await listen();
    const { id } = await site();
    await untilTold(old, id);
    const newest = old.lastId;
    old.close();
    const sweep = new ChangeEventsSweep(app.database.database);
    await sweep.run();
    // A day is not over.
    const kept = await listen(acme.api, old.events[0]!.id);
    await until('it is told the rest', () => kept.of(id).length > 0);
    expect(kept.types).not.toContain('reset');

    await app.database.asSuperuser((client) => client.query(`update change_events set at = at - interval '25 hours'`));
    await sweep.run();
    expect((await app.database.asSuperuser((client) => client.query('select from change_events'))).rowCount).toBe(0);
    const missed = await listen(acme.api, old.events[0]!.id);
    await until('it is told', () => missed.types[0] === 'reset');
    // Whoever has heard all of it has missed nothing.
    const current = await listen(acme.api, newest);
    const next = await site();
    await untilTold(current, next.id);
    expect(current.types).not.toContain('reset');
  });
});

describe('changes of transactions that overlap', () => {
  it('are told when nothing can come in between any more, and none is skipped', async () => {
    const reader = await listen();
    const [first, second, third] = [await site(), await site(), await site()];
    await untilTold(reader, third.id);
    const before = reader.events.length;
    const log = app.service.app.get(ChangeLog, { strict: false });
    const at = parsePosition(reader.lastId!)!;
    await app.database.asSuperuser(async (client) => {
      await client.query('begin');
      await client.query(`update edge_sites set name = 'held' where id = $1`, [first.id]);
      // Later in the sequence, committed before.
      await rename(second.id);
      const read = await log.readAll(at);
      expect([read.changes, read.pending]).toEqual([[], true]);
      await client.query('commit');
      const [one, other] = (await log.readAll(read.end)).changes;
      expect([one?.subjectId, other?.subjectId]).toEqual([first.id, second.id]);
    });
    await untilTold(reader, second.id, 'edge_site.changed');
    const told = reader.events.slice(before).flatMap(({ data }) => ('subject' in data ? [data.subject.id] : []));
    expect(told.filter((id) => id === first.id || id === second.id)).toEqual([first.id, second.id]);
  });

  it('are told without those that were given up', async () => {
    const reader = await listen();
    const { id } = await site();
    await app.database.asSuperuser(async (client) => {
      await client.query('begin');
      await client.query(`update edge_sites set name = 'never' where id = $1`, [id]);
      await client.query('rollback');
    });
    const next = await site();
    await untilTold(reader, next.id);
    expect(reader.of(id).map(({ type }) => type)).toEqual(['edge_site.created', 'nats_leaf_server.created']);
  });
});

describe('two processes', () => {
  let other: RunningService;
  beforeAll(async () => {
    const port = await freePort();
    other = await start({ ...app.service.app.get(Config), port, publicUrl: `http://127.0.0.1:${port}`, gatewayPort: 0, roles: ['api'] });
  });
  afterAll(() => other.stop());

  it('tell a client that moves between them all, once', async () => {
    const [here, there] = [acme.api, Object.assign(Object.create(Object.getPrototypeOf(acme.api) as object) as Api, acme.api, { url: other.url })];
    const whole = await listen();
    const heard: string[] = [];
    let lastId = whole.lastId;
    const sites: string[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const writing = (async () => {
        for (const api of [here, there, here]) sites.push((await site(api)).id);
      })();
      const reader = await listen(turn % 2 === 0 ? there : here, lastId);
      await until('some of it is heard', () => reader.events.length > 0);
      reader.close();
      heard.push(...reader.events.map(({ id }) => id));
      lastId = reader.lastId;
      await writing;
    }
    await untilTold(whole, sites.at(-1)!);
    await until('all is heard', () => whole.of(sites.at(-1)!).length === 2);
    const rest = await listen(there, lastId);
    await until('the rest is heard', () => heard.length + rest.events.length >= whole.events.length);
    expect([...heard, ...rest.events.map(({ id }) => id)]).toEqual(whole.events.map(({ id }) => id));
    expect(whole.types.filter((type) => type === 'edge_site.created')).toHaveLength(sites.length);
  });

  it('end their streams when they stop, so that they do', async () => {
    const port = await freePort();
    const third = await start({ ...app.service.app.get(Config), port, publicUrl: `http://127.0.0.1:${port}`, gatewayPort: 0, roles: ['api'] });
    const reader = await listen(Object.assign(Object.create(Object.getPrototypeOf(acme.api) as object) as Api, acme.api, { url: third.url }));
    await third.stop();
    await until('the stream ends', () => reader.ended);
    const again = await listen(acme.api, reader.lastId);
    const { id } = await site();
    await untilTold(again, id);
  });
});

describe('who hears of what', () => {
  it('is a tenant of its own only', async () => {
    const globex = await app.tenant('Globex');
    const [ours, theirs] = [await listen(), await listen(globex.api)];
    const foreign = await site(globex.api);
    const own = await site();
    await Promise.all([untilTold(ours, own.id), untilTold(theirs, foreign.id)]);
    expect([ours.of(foreign.id), theirs.of(own.id)]).toEqual([[], []]);
    // Also of what is on record.
    const again = await listen(globex.api, '1-0');
    await until('it has read', () => again.events.length > 0);
    expect(again.of(own.id)).toEqual([]);
    // Row-level security alone.
    const seen = await app.database.database.statement<{ id: string }>({ tenantId: globex.id }, 'select distinct tenant_id as id from change_events', []);
    expect(seen).toEqual([{ id: globex.id }]);
    const foreignRow = app.database.database.statement({ tenantId: globex.id }, `insert into change_events (tenant_id, kind, change, subject_id) values (?, 'agent', 'changed', ?)`, [acme.id, own.id]);
    await expect(foreignRow).rejects.toThrow(/row-level security/);
  });

  it('is a platform admin of the tenant that it names, and of none without', async () => {
    const { key } = app.admin.credentials;
    expect((await app.admin.get<{ code: string }>('/admin/events')).body).toMatchObject({ code: 'tenant_required' });
    const reader = await listen(app.admin.as({ key: key!, tenant: acme.slug }));
    const { id } = await site();
    await untilTold(reader, id);
  });

  it('is a key for some sites of those that have its labels just then, or had when they were deleted', async () => {
    const north = await listen(await app.keyOf(acme.slug, 'viewer', { site_labels: { region: 'north' } }));
    const moving = await site(acme.api, { labels: { region: 'north' } });
    const south = await site(acme.api, { labels: { region: 'south' } });
    const goes = await site(acme.api, { labels: { region: 'north' } });
    const collector = await ok(acme.api.post<{ id: string }>('/admin/collectors', { collector_type: 'otel', edge_site_id: goes.id }));
    const alone = await ok(acme.api.post<{ id: string }>('/admin/collectors', { collector_type: 'otel' }));
    await untilTold(north, collector.id, 'collector_package.created');
    await ok(acme.api.patch(`/admin/edge-sites/${moving.id}`, { labels: { region: 'south' } }));
    await rename(moving.id);
    expect((await acme.api.delete(`/admin/edge-sites/${goes.id}?collectors=detach`)).status).toBe(204);
    await untilTold(north, goes.id, 'edge_site.deleted');
    expect([north.of(south.id), north.of(alone.id)]).toEqual([[], []]);
    expect(north.of(moving.id).map(({ type }) => type)).toEqual(['edge_site.created', 'nats_leaf_server.created']);
  });

  it('is a key with few scopes of what they name', async () => {
    const reader = await listen(await app.keyOf(acme.slug, 'viewer', { scopes: ['edge_sites:read'] }));
    await ok(acme.api.post('/admin/collectors', { collector_type: 'otel' }));
    const { id } = await site();
    await untilTold(reader, id);
    expect(new Set(reader.types)).toEqual(new Set(['edge_site.created']));
    await expect(listen(await app.keyOf(acme.slug, 'viewer', { scopes: ['collectors:read'] }))).rejects.toThrow('403');
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['is revoked', (id) => acme.api.delete(`/admin/api-keys/${id}`)],
    ['has expired', (id) => em().nativeUpdate(ApiKey, { id }, { expiresAt: new Date(0) })],
    ['is gone', (id) => em().nativeDelete(ApiKey, { id })],
    ['may read sites no more', (id) => em().nativeUpdate(ApiKey, { id }, { scopes: ['collectors:read'] })],
  ])('is nobody whose key %s', async (_what, end) => {
    const { id, key } = await ok(acme.api.post<{ id: string; key: string }>('/admin/api-keys', { name: 'x', role: 'viewer' }));
    const [reader, stays] = [await listen(app.admin.as({ key })), await listen()];
    await end(id);
    await app.service.app.get(EventStreams, { strict: false }).look();
    await until('the stream ends', () => reader.ended);
    expect(stays.ended).toBe(false);
  });
});

describe('streams', () => {
  it('are as many with one key as there may be, and room is made by one that ends', async () => {
    const api = await app.keyOf(acme.slug, 'viewer');
    const all = await Promise.all(Array.from({ length: 20 }, () => listen(api)));
    const refused = await api.get<{ code: string; detail: string }>('/admin/events');
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([429, 'rate_limited', 'There are 20 event streams with this key already: close one.']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    all[0]!.close();
    await until('there is room', async () => (await api.get('/admin/events')).status === 200);
  });

  it('of nobody who reads are not kept', async () => {
    const api = await app.keyOf(acme.slug, 'viewer');
    // More often than there may be streams.
    for (let call = 0; call < 25; call++) {
      await until('it is answered', async () => (await api.call('HEAD', '/admin/events')).status === 200);
    }
  });

  it('of whoever does not read are dropped, and nothing is kept for them', async () => {
    const { id } = await site();
    const api = await app.keyOf(acme.slug, 'viewer');
    const { hostname, port } = new URL(api.url);
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, 'connect');
    const before = await listen();
    // Or it would hear the burst as well, and may be one that waits.
    before.close();
    const from = before.lastId;
    // More than fits into the buffers of both ends.
    await app.database.asSuperuser((client) => client.query(BURST, [acme.id, id, 60_000]));
    socket.pause();
    socket.write(`GET /api/admin/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.credentials.key}\r\nLast-Event-ID: ${from}\r\n\r\n`);
    const streams = app.service.app.get(EventStreams, { strict: false });
    const closed = once(socket, 'close');
    const reads = await listen();
    await until('it waits to be read', () => streams.waiting === 1);
    await streams.look(Date.now() + 60_000);
    await until('it is dropped', () => streams.waiting === 0);
    socket.resume();
    await closed;
    expect(reads.ended).toBe(false);
  });

  it('bring a burst whole, in order', async () => {
    const [one, other] = [await listen(), await listen(await app.keyOf(acme.slug, 'viewer', { site_labels: { burst: 'yes' } }))];
    const { id } = await site(acme.api, { labels: { burst: 'yes' } });
    await untilTold(one, id);
    await app.database.asSuperuser((client) =>
      client.query(BURST, [acme.id, id, 12_000]),
    );
    await rename(id);
    const count = ({ events }: EventReader) => events.filter(({ data }) => data.type === 'edge_site.changed').length;
    await until('both have it', () => count(one) === 12_001 && count(other) === 12_001);
    for (const { events } of [one, other]) {
      const order = events.map((event) => event.id.split('-').map(BigInt));
      expect(order.every(([xid, seq], at) => at === 0 || xid! > order[at - 1]![0]! || (xid === order[at - 1]![0] && seq! > order[at - 1]![1]!))).toBe(true);
    }
  });

  it('go on when the database has ended all connections', async () => {
    const reader = await listen();
    await app.database.asSuperuser((client) =>
      client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`),
    );
    const { id } = await until('the API is back', async () => {
      const { status, body } = await acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Plant ${(made += 1)}` });
      return status === 201 && body;
    });
    await untilTold(reader, id);
    expect(reader.ended).toBe(false);
  });

  it('hear at once again when the connection that tells was ended alone', async () => {
    const reader = await listen();
    const listening = `select pid from pg_stat_activity where application_name = 'serviceradar-edge events' and datname = current_database()`;
    const pids = async () => (await app.database.asSuperuser((client) => client.query<{ pid: number }>(listening))).rows.map(({ pid }) => pid);
    const [before] = await until('it listens', async () => ((await pids()).length === 1 ? pids() : undefined));
    await app.database.asSuperuser((client) => client.query('select pg_terminate_backend($1)', [before]));
    await until('it listens anew', async () => (await pids()).some((pid) => pid !== before));
    const { id } = await site();
    await untilTold(reader, id);
  });
});

describe('a site that is deleted with what is its own', () => {
  it('is told, whoever of PostgreSQL’s roles removes the rest', async () => {
    const reader = await listen();
    const { id } = await site();
    const whose = { tenantId: acme.id, edgeSiteId: id };
    const agentId = newId(systemClock, systemRandom);
    const says = { version: '1', hostname: 'h', os: 'linux', arch: 'amd64', capabilities: [], labels: {}, configVersion: '', gatewayId: 'g' };
    await em().insert(Agent, { id: agentId, ...whose, agentId: 'agent-1', ...says, firstSeenAt: new Date(), lastSeenAt: new Date() });
    const onboarding = await ok(acme.api.post<{ id: string }>('/admin/edge-packages', { label: 'x', component_type: 'agent', component_id: 'agent-2', edge_site_id: id }));
    expect((await acme.api.delete(`/admin/edge-sites/${id}?collectors=detach`)).status).toBe(204);
    await untilTold(reader, id, 'edge_site.deleted');
    await until('the package is told of', () => reader.of(onboarding.id).at(-1)?.edge_site_id === null);
    expect(await em().count(NatsLeafServer, { edgeSiteId: id })).toBe(0);
  });
});
