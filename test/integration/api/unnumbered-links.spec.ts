import { LeafConnection, NatsLeafServer } from '#libs/model';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { LeafPresence, type PresentLeaf } from '../../../src/edge-sites/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let presence: LeafPresence;
beforeAll(async () => {
  app = await startTestApp();
  acme = await app.tenant('Acme');
  presence = app.service.app.get(LeafPresence, { strict: false });
});
afterAll(() => app.close());

const at = (minute: number) => new Date(Date.UTC(2026, 10, 24, 10, minute));
const em = () => app.database.database.em('platform');
const history = async (edgeSiteId: string) =>
  (await em().find(LeafConnection, { edgeSiteId }, { orderBy: { id: 'asc' } })).map(({ linkId, connectedAt, disconnectedAt }) => ({ linkId, connectedAt, disconnectedAt }));

/** A site whose leaf is provisioned, and what the hub says of its link. */
async function site(name: string) {
  const { id } = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name }));
  await until('the leaf is provisioned', async () => (await em().findOneOrFail(NatsLeafServer, { edgeSiteId: id })).provisionedGeneration !== null);
  const link = (linkId: string, minute: number): PresentLeaf => ({ tenantId: acme.id, edgeSiteId: id, generation: 1, linkId, at: at(minute) });
  return { id, link };
}

describe('a link that a hub of 2.10 has listed without its number', () => {
  it('is on record once when the hub’s word comes after that', async () => {
    const { id, link } = await site('One');
    await presence.reconcile([link('hub:?', 2)]);
    await presence.connected(link('hub:5', 1));
    expect(await history(id)).toEqual([{ linkId: 'hub:5', connectedAt: at(1), disconnectedAt: null }]);
    await presence.record(acme.id, [{ ...link('hub:5', 3), type: 'disconnected', reason: 'Client Closed' }]);
    expect(await history(id)).toEqual([{ linkId: 'hub:5', connectedAt: at(1), disconnectedAt: at(3) }]);
    expect(await em().findOneOrFail(NatsLeafServer, { edgeSiteId: id })).toMatchObject({ linkId: null, disconnectReason: 'Client Closed' });
  });

  it('is another than one that begins later', async () => {
    const { id, link } = await site('Another');
    await presence.reconcile([link('hub:?', 2)]);
    await presence.connected(link('hub:6', 4));
    expect(await history(id)).toEqual([
      { linkId: 'hub:?', connectedAt: at(2), disconnectedAt: at(4) },
      { linkId: 'hub:6', connectedAt: at(4), disconnectedAt: null },
    ]);
  });
});
