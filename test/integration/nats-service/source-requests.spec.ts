import { performance } from 'node:perf_hooks';
import { jetstreamManager } from '@nats-io/jetstream';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { systemClock } from '#libs/kernel';
import { NatsLeafServer, type Tenant } from '#libs/model';
import { rearm, siteSource, sourceRequestSubjects, type StreamConfig } from '#libs/nats';
import { TenantConnections } from '../../../src/nats/index.js';
import { Config } from '../../../src/platform/config/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { BufferMeter } from '../../../src/streams/buffer-meter.js';
import { HubStreams } from '../../../src/streams/hub-streams.js';
import type { Streams } from '../../../src/streams/index.js';
import { sequencesAskedFor } from '../../../src/streams/source-requests.js';
import { StreamReconciler } from '../../../src/streams/stream-reconciler.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';

const SITE = { site: 'oslo', jetstreamDomain: 'edge' };

function standStill(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** A connection that gets none of what it subscribes to. */
const deaf = (connection: NatsConnection): NatsConnection =>
  new Proxy(connection, {
    get(target, name) {
      if (name === 'subscribe') return () => ({ unsubscribe: () => undefined });
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

describe('what the hub asks a leaf for', () => {
  let installation: Installation;
  let tenant: Tenant;
  let siteId: string;
  let hub: NatsConnection;

  const streams = async () => (await jetstreamManager(hub, { checkAPI: false })).streams;
  const config = async () => (await (await streams()).info('events')).config as unknown as StreamConfig;

  beforeAll(async () => {
    installation = await Installation.prepare(NATS_VERSIONS[1]!);
    await installation.startHub();
    await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    siteId = (await installation.site(tenant, SITE.site)).site.id;
    await installation.pushed(tenant);
    hub = await installation.toHub(await installation.unlimited(tenant));
    await installation.startLeaf(tenant, siteId);
    await until('the hub sources it', async () => ((await config()).sources ?? []).length === 1);
    // Nobody else sees to the streams from now on.
    for (const process of [...installation.processes]) await installation.end(process);
  });

  afterAll(() => installation.stop());

  const arm = async () => {
    for (const one of rearm(await config(), [siteSource(SITE)])) await (await streams()).update('events', one as never);
  };

  it('is known when its source is made anew', async () => {
    const asked = await sequencesAskedFor(hub, [SITE], arm);
    expect([...asked]).toEqual([[SITE, 1]]);
  });

  it('is known also when the process stood still while it asked', async () => {
    const request = new Promise<Msg>((resolve) => {
      for (const subject of sourceRequestSubjects(SITE)) hub.subscribe(subject, { callback: (_error, message) => resolve(message) });
    });
    await arm();
    const { subject, data } = await request;
    const asked = await sequencesAskedFor(hub, [SITE], () => {
      // Comes late, and is not read before the time is over.
      setTimeout(() => {
        hub.publish(subject, data);
        setImmediate(() => standStill(1_500));
      }, 2_500);
      return Promise.resolve();
    });
    expect([...asked]).toEqual([[SITE, 1]]);
  });

  describe('and nobody has heard', () => {
    let reconciler: StreamReconciler;
    let requested: string[];

    beforeAll(() => {
      const { database } = installation.database;
      const connections = installation.idle.get(TenantConnections, { strict: false });
      const use: TenantConnections['use'] = (tenantId, purpose, work) => connections.use(tenantId, purpose, (connection) => work(deaf(connection)));
      const recorder = { request: async (_tenantId: string, ids: readonly string[]) => void requested.push(...ids) } as Streams;
      const seeing = new HubStreams(database, { use } as TenantConnections, installation.idle.get(Config, { strict: false }), recorder, systemClock);
      reconciler = new StreamReconciler(database, connections, new BufferMeter(database, systemClock), seeing, recorder, systemClock);
    });
    beforeEach(() => void (requested = []));

    it('has the leaf that connected seen to again', async () => {
      await expect(reconciler.reconcile({ tenantId: tenant.id, edgeSiteId: siteId })).rejects.toMatchObject({ code: 'hub_unreachable', retryable: true });
      // By the job that has failed.
      expect(requested).toEqual([]);
    });

    it('has a leaf whose source was put back seen to as one that connects', async () => {
      const until = new Date(Date.now() - 1_000);
      const [source] = (await config()).sources!;
      await installation.database.database.em(PLATFORM).nativeUpdate(NatsLeafServer, { edgeSiteId: siteId }, { restingSource: { source }, sourceRestsUntil: until, linkId: 'hub/1' });
      await reconciler.putBack(tenant.id);
      expect(requested).toEqual([siteId]);
      expect((await installation.found(tenant, siteId)).leaf.restingSource).toBeNull();
    });

    it('has no other leaf seen to', async () => {
      await reconciler.reconcile({ tenantId: tenant.id });
      expect(requested).toEqual([]);
    });
  });
});
