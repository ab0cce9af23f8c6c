import { LeafConnection } from '#libs/model';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto, NatsLeafServerDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { LeafConnectionDto } from '../../../src/edge-sites/dto/leaf-connection.dto.js';
import { type LeafChange, LeafConnectionsSweep, LeafPresence } from '../../../src/edge-sites/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
beforeAll(async () => {
  app = await startTestApp();
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const at = (minute: number) => new Date(Date.UTC(2026, 10, 24, 10, minute));
const record = (...changes: LeafChange[]) => app.service.app.get(LeafPresence, { strict: false }).record(acme.id, changes);

let made = 0;

/** A site whose leaf is provisioned. */
async function site() {
  const { id } = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Plant ${(made += 1)}` }));
  const leaf = () => ok(acme.api.get<NatsLeafServerDto>(`/admin/edge-sites/${id}/leaf-server`));
  await until('the leaf is provisioned', async () => (await leaf()).status === 'provisioned');
  const whose = { tenantId: acme.id, edgeSiteId: id };
  return {
    id,
    leaf,
    status: async () => (await ok(acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`))).status,
    history: async (query = '') => ok(acme.api.get<{ data: LeafConnectionDto[]; next_cursor: string | null }>(`/admin/edge-sites/${id}/connections${query}`)),
    begin: (linkId: string, minute: number, generation = 1): LeafChange => ({ ...whose, type: 'connected', linkId, at: at(minute), generation }),
    end: (linkId: string, minute: number, reason: string | null): LeafChange => ({ ...whose, type: 'disconnected', linkId, at: at(minute), reason }),
  };
}

const row = (generation: number, connected: number, disconnected: number | null, reason: string | null) => ({
  id: expect.any(String) as string,
  generation,
  connected_at: at(connected).toISOString(),
  disconnected_at: disconnected === null ? null : at(disconnected).toISOString(),
  reason,
});

describe('the connections of a leaf', () => {
  it('are none at first', async () => {
    expect(await (await site()).history()).toEqual({ data: [], next_cursor: null });
  });

  it('are listed with when and why they ended, the newest first', async () => {
    const { begin, end, history, leaf, status } = await site();
    await record(begin('hub:1', 0));
    expect((await history()).data).toEqual([row(1, 0, null, null)]);
    await record(end('hub:1', 5, 'Stale Connection'));
    expect([await status(), await leaf()]).toMatchObject(['offline', { disconnected_at: at(5).toISOString(), disconnect_reason: 'Stale Connection' }]);
    await record(begin('hub:2', 6));
    expect((await history()).data).toEqual([row(1, 6, null, null), row(1, 0, 5, 'Stale Connection')]);
    expect([await status(), await leaf()]).toMatchObject(['active', { status: 'connected', disconnect_reason: 'Stale Connection' }]);
  });

  it('are the same when they are recorded one by one or all together', async () => {
    const [one, other] = [await site(), await site()];
    const changes = ({ begin, end }: typeof one) => [
      begin('hub:1', 0), end('hub:1', 1, 'Client Closed'), begin('hub:2', 2), begin('hub:3', 3), end('hub:2', 4, 'Duplicate Remote LeafNode Connection'), end('hub:3', 5, null),
    ];
    for (const change of changes(one)) await record(change);
    await record(...changes(other));
    const expected = [row(1, 3, 5, null), row(1, 2, 4, 'Duplicate Remote LeafNode Connection'), row(1, 0, 1, 'Client Closed')];
    expect((await one.history()).data).toEqual(expected);
    expect((await other.history()).data).toEqual(expected);
    expect([await one.status(), await other.status()]).toEqual(['offline', 'offline']);
  });

  it('do not change when they are told twice', async () => {
    const { begin, end, history } = await site();
    const changes = [begin('hub:1', 0), end('hub:1', 1, 'Client Closed')];
    await record(...changes, changes[1]!);
    await record({ ...changes[1]!, at: at(9), reason: null } as LeafChange);
    expect((await history()).data).toEqual([row(1, 0, 1, 'Client Closed')]);
  });

  it('end with the next one when nobody told their end, until somebody does', async () => {
    const { begin, end, history } = await site();
    await record(begin('a:1', 0), begin('b:7', 2));
    expect((await history()).data).toEqual([row(1, 2, null, null), row(1, 0, 2, null)]);
    await record(end('a:1', 1, 'Server Shutdown'));
    expect((await history()).data).toEqual([row(1, 2, null, null), row(1, 0, 1, 'Server Shutdown')]);
  });

  it('tell why the last one ended, also when that comes after it was found to be gone', async () => {
    const { begin, end, leaf, history } = await site();
    await record(begin('hub:1', 0), end('hub:1', 3, null));
    expect((await leaf()).disconnect_reason).toBeNull();
    await record(end('hub:1', 2, 'Stale Connection'));
    expect([(await leaf()).disconnect_reason, (await history()).data]).toEqual(['Stale Connection', [row(1, 0, 2, 'Stale Connection')]]);
  });

  it('know the generation that was guessed at first', async () => {
    const { begin, history } = await site();
    await record(begin('hub:1', 0, 1));
    await record(begin('hub:1', 0, 2));
    expect((await history()).data).toEqual([row(2, 0, null, null)]);
  });

  it('of many sites, recorded together, are each site’s own', async () => {
    const sites = await Promise.all(Array.from({ length: 5 }, () => site()));
    await record(...sites.map(({ begin }, number) => begin(`hub:${number}`, number)));
    for (const [number, { history, status }] of sites.entries()) {
      expect([await status(), (await history()).data]).toEqual(['active', [row(1, number, null, null)]]);
    }
  });

  it('are paged', async () => {
    const { begin, end, history } = await site();
    for (const number of [0, 1, 2]) await record(begin(`hub:${number}`, number * 2), end(`hub:${number}`, number * 2 + 1, null));
    const first = await history('?limit=2');
    expect(first.data).toEqual([row(1, 4, 5, null), row(1, 2, 3, null)]);
    expect(await history(`?limit=2&cursor=${first.next_cursor}`)).toEqual({ data: [row(1, 0, 1, null)], next_cursor: null });
  });

  it('are another tenant’s to nobody', async () => {
    const { id } = await site();
    const { api } = await app.tenant('Globex');
    expect((await api.get(`/admin/edge-sites/${id}/connections`)).status).toBe(404);
  });

  it('are forgotten 90 days after they ended', async () => {
    const { begin, end, history } = await site();
    await record(begin('hub:1', 0), end('hub:1', 1, null), begin('hub:2', 2));
    const age = (days: number) =>
      app.database.database.em(PLATFORM).execute(`update leaf_connections set disconnected_at = now() - make_interval(days => ?) where disconnected_at is not null`, [days]);
    const sweep = app.service.app.get(LeafConnectionsSweep, { strict: false });
    await age(89);
    await sweep.run();
    expect((await history()).data).toHaveLength(2);
    await age(91);
    await sweep.run();
    expect((await history()).data).toEqual([row(1, 2, null, null)]);
    expect(await app.database.database.em(PLATFORM).count(LeafConnection, { disconnectedAt: { $ne: null } })).toBe(0);
  });
});
