import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { AuditEvent, EdgeSite, type Tenant } from '#libs/model';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';

describe.each(NATS_VERSIONS)('a site that is to be deleted, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;
  let hub: NatsConnection;

  const em = () => installation.database.database.em({ tenantId: tenant.id });
  const remove = (siteId: string, options?: { discard: boolean }) => installation.sites.delete(installation.caller(tenant), siteId, options);
  /** Refused while it is not known yet that the hub has all of it. */
  const removed = (siteId: string) => until('the site can be deleted', () => remove(siteId).then(() => true));
  const refusal = (code: string, detail: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(detail) });
  const deletions = async (siteId: string) => (await em().find(AuditEvent, { subjectId: siteId, action: 'edge_site.delete' })).map(({ detail }) => detail);
  const hubStream = async () => (await jetstreamManager(hub, { checkAPI: false })).streams;

  const connected = async (slug: string): Promise<{ siteId: string; leaf: TestLeaf }> => {
    const { site } = await installation.site(tenant, slug);
    await installation.pushed(tenant);
    const leaf = await installation.startLeaf(tenant, site.id);
    await until('the hub has a source of it', async () => {
      const { config } = await (await hubStream()).info('events');
      return config.sources?.some(({ external }) => external?.deliver === `_sync.${slug}`);
    });
    return { siteId: site.id, leaf };
  };
  const publish = async (leaf: TestLeaf, texts: string[]) => {
    const connection = await leaf.connect(await installation.unlimited(tenant));
    await until('the leaf has its stream', async () => (await jetstreamManager(connection, { checkAPI: false })).streams.info('events'));
    for (const text of texts) await jetstream(connection, { checkAPI: false }).publish(SUBJECT, text);
    await connection.close();
  };
  /** Does something while nobody fetches what waits at leaves. */
  const undrained = async (work: () => Promise<void>) => {
    await installation.database.database.transaction({ tenantId: tenant.id }, async (locking) => {
      await locking.execute('set local lock_timeout = 0');
      await locking.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`streams ${tenant.id}`]);
      const { config } = await (await hubStream()).info('events');
      await (await hubStream()).update('events', { ...config, sources: [] });
      await work();
      await (await hubStream()).update('events', config);
    });
  };

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    await installation.pushed(tenant);
    hub = await installation.toHub(await installation.unlimited(tenant));
  });

  afterAll(() => installation.stop());

  it('goes at once when its leaf never connected', async () => {
    const { site } = await installation.site(tenant, 'berlin');
    await remove(site.id);
    expect(await em().count(EdgeSite, { id: site.id })).toBe(0);
  });

  it('goes when the hub has all that its leaf holds', async () => {
    const { siteId, leaf } = await connected('oslo');
    await publish(leaf, ['oslo 1', 'oslo 2']);
    await until('all are at the hub', async () => (await (await hubStream()).info('events')).state.messages === 2);
    await removed(siteId);
    expect(await deletions(siteId)).toEqual([{ slug: 'oslo', detached: [], discarded: 0 }]);
    await until('the hub has dropped the leaf', async () => (await leaf.links()).messages === 0);
    await until('the hub has no source of it', async () => ((await (await hubStream()).info('events')).config.sources ?? []).length === 0);
    expect((await storedTexts(hub, SUBJECT)).sort()).toEqual(['oslo 1', 'oslo 2']);
  });

  it('stays while messages wait at its leaf, and they arrive', async () => {
    const { siteId, leaf } = await connected('paris');
    await undrained(async () => {
      await publish(leaf, ['paris 1', 'paris 2', 'paris 3']);
      await expect(remove(siteId)).rejects.toEqual(refusal('site_has_buffered_messages', /^3 messages \(\d+ bytes, the oldest \d+ s old\) wait .*buffered=discard/));
      expect(await em().count(EdgeSite, { id: siteId })).toBe(1);
    });
    await until('all are at the hub', async () => (await (await hubStream()).info('events')).state.messages === 5);
    await removed(siteId);
    expect(await em().count(EdgeSite, { id: siteId })).toBe(0);
  });

  it('goes with what waits at its leaf when that need not arrive', async () => {
    const { siteId, leaf } = await connected('rome');
    await undrained(async () => {
      await publish(leaf, ['rome 1']);
      await expect(remove(siteId)).rejects.toEqual(refusal('site_has_buffered_messages', /^1 messages/));
      await remove(siteId, { discard: true });
    });
    expect(await deletions(siteId)).toEqual([{ slug: 'rome', detached: [], discarded: 1 }]);
    await until('the hub has dropped the leaf', async () => (await leaf.links()).messages === 0);
  });

  it('stays while its leaf is away, as nobody knows what waits there', async () => {
    const { siteId, leaf } = await connected('lima');
    await until('the leaf was asked', async () => em().execute('select 1 from site_buffers where edge_site_id = ?', [siteId]).then(({ length }) => length === 1));
    await leaf.stop();
    await until('the leaf is offline', async () => (await installation.found(tenant, siteId)).leaf.linkId === null);
    await expect(remove(siteId)).rejects.toEqual(refusal('buffer_unknown', /not connected.* at 20\d\d-.*Z, 0 messages did.*buffered=discard/));
    await remove(siteId, { discard: true });
    expect(await em().count(EdgeSite, { id: siteId })).toBe(0);
  });
});
