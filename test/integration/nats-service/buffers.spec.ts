import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { SiteBuffer, Tenant } from '#libs/model';
import { SiteBuffers } from '../../../src/streams/index.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';
const TEXT = 'x'.repeat(1000);

describe.each(NATS_VERSIONS)('what waits at a site’s leaf, with servers of $name,', (version) => {
  let installation: Installation;
  let tenant: Tenant;
  let siteId: string;
  let leaf: TestLeaf;

  const publish = async (count: number) => {
    const connection = await leaf.connect(await installation.unlimited(tenant));
    const client = jetstream(connection, { checkAPI: false });
    for (let n = 0; n < count; n++) await client.publish(SUBJECT, TEXT);
    await connection.close();
  };
  const buffers = () => installation.idle.get(SiteBuffers, { strict: false });
  const onRecord = () => buffers().ofSite(installation.database.database.em({ tenantId: tenant.id }), siteId);
  const recorded = (what: string, condition: (buffer: SiteBuffer) => boolean) =>
    until(what, async () => {
      const found = await onRecord();
      return found !== undefined && condition(found) ? found : undefined;
    }, { timeout: 150_000 });
  const measured = () => until('the leaf is measured', () => buffers().measured(tenant.id, siteId));
  /** While nobody sees to the tenant's stream at the hub. */
  const untouched = <T>(work: () => Promise<T>): Promise<T> =>
    installation.database.database.transaction({ tenantId: tenant.id }, async (em) => {
      await em.execute('set local lock_timeout = 0');
      await em.execute(`select pg_advisory_xact_lock(hashtext(?))`, [`streams ${tenant.id}`]);
      return work();
    });
  const hubManager = async () => jetstreamManager(await installation.toHub(await installation.unlimited(tenant)), { checkAPI: false });

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    siteId = (await installation.site(tenant, 'oslo')).site.id;
    await installation.pushed(tenant);
  });

  afterAll(() => installation.stop());

  it('is not known of one that never connected', async () => {
    expect(await onRecord()).toBeUndefined();
  });

  it('is measured when it connects', async () => {
    leaf = await installation.startLeaf(tenant, siteId);
    expect(await recorded('the leaf is measured', () => true)).toMatchObject({
      messages: 0,
      waitingMessages: 0,
      oldestAgeMs: null,
      messageRate: 0,
      maxAgeMs: 604_800_000,
      maxBytes: 9_663_676_416,
      discard: 'old',
    });
    const hub = await hubManager();
    await until('the hub sources it', async () => ((await hub.streams.info('events')).config.sources ?? []).length === 1);
  });

  it('is nothing while the hub gets everything at once', async () => {
    await publish(50);
    const found = await until('the hub is known to have all of it', async () => {
      const buffer = await measured();
      return buffer.waitingMessages === 0 && buffer;
    });
    const { messages, bytes, waitingBytes, oldestAgeMs, messageRate, byteRate } = found;
    expect([messages, waitingBytes, oldestAgeMs]).toEqual([50, 0, null]);
    expect(bytes).toBeGreaterThan(50_000);
    expect(messageRate).toBeGreaterThan(0);
    expect(byteRate).toBeCloseTo((messageRate * bytes) / 50);
  });

  it('is what nobody fetches', async () => {
    const hub = await hubManager();
    const { config } = await hub.streams.info('events');
    const waiting = await untouched(async () => {
      await hub.streams.update('events', { ...config, sources: [] });
      await publish(30);
      return measured();
    });
    expect([waiting.messages, waiting.waitingMessages]).toEqual([80, 30]);
    expect(waiting.waitingBytes).toBe(Math.round((waiting.bytes * 30) / 80));
    expect(waiting.oldestAgeMs).toBeGreaterThanOrEqual(0);

    await hub.streams.update('events', config);
    await recorded('nothing waits any more', ({ waitingMessages }) => waitingMessages === 0);
  });

  it('is measured again when it is back, until the hub has it all', async () => {
    await installation.stopHub();
    await publish(40);
    const before = (await onRecord())!;
    await installation.startHub();
    const after = await recorded('all is at the hub', ({ messages, waitingMessages }) => messages === 120 && waitingMessages === 0);
    expect(after.linkId).not.toBe(before.linkId);
    expect((await (await hubManager()).streams.info('events')).state.messages).toBe(120);
  }, 240_000);

  it('stays as it was last known when the leaf is away, and is not said to be known', async () => {
    await leaf.stop();
    await until('the leaf is offline', async () => (await installation.found(tenant, siteId)).leaf.linkId === null);
    const last = await onRecord();
    expect(await buffers().measured(tenant.id, siteId)).toBeUndefined();
    expect(await onRecord()).toEqual(last);
  });
});
