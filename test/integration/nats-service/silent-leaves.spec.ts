import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { systemClock } from '#libs/kernel';
import { NatsLeafServer, type Tenant } from '#libs/model';
import { TenantConnections } from '../../../src/nats/index.js';
import { Config } from '../../../src/platform/config/index.js';
import { BufferMeter } from '../../../src/streams/buffer-meter.js';
import { HubStreams } from '../../../src/streams/hub-streams.js';
import { StreamReconciler } from '../../../src/streams/stream-reconciler.js';
import { Streams } from '../../../src/streams/index.js';
import { NATS_VERSIONS } from '../nats/nats-server.js';
import { Installation } from './installation.js';

const SITES = ['bonn', 'lima', 'oslo', 'paris', 'rome'];

describe('leaves that are slow to answer', () => {
  let installation: Installation;
  let tenant: Tenant;
  /** Answers in the place of the tenant's leaves. */
  let leaves: NatsConnection;

  /** Whether somebody has the lock of the tenant's streams. */
  const isLocked = async (): Promise<boolean> => {
    const found = await installation.database.database
      .em('platform')
      .execute(`select from pg_locks where locktype = 'advisory' and objid::bigint = hashtext(?)::bigint & 4294967295`, [`streams ${tenant.id}`]);
    return found.length > 0;
  };

  beforeAll(async () => {
    installation = await Installation.prepare(NATS_VERSIONS[1]!);
    await installation.startHub();
    const worker = await installation.process('worker');
    tenant = await installation.tenant('acme');
    for (const slug of SITES) await installation.site(tenant, slug);
    await installation.pushed(tenant);
    await installation.end(worker);
    const em = installation.database.database.em({ tenantId: tenant.id });
    await em.nativeUpdate(NatsLeafServer, { tenantId: tenant.id }, { linkId: 'hub/1', connectedAt: systemClock.now() });
    leaves = await installation.toHub(await installation.unlimited(tenant));
  });

  afterAll(() => installation.stop());

  it('are asked at the same time, and nobody waits for a lock meanwhile', async () => {
    const made: string[] = [];
    const asked: Msg[] = [];
    let locked: boolean | undefined;
    leaves.subscribe('$JS.*.API.STREAM.CREATE.events', {
      callback: (_error, request) => {
        made.push(request.subject.split('.')[1]!);
        request.respond(JSON.stringify({ config: request.json() }));
      },
    });
    leaves.subscribe('$JS.*.API.STREAM.INFO.events', {
      callback: (_error, request) => {
        // None is answered before all are asked.
        if (asked.push(request) < SITES.length) return;
        void isLocked().then((answer) => {
          locked = answer;
          for (const one of asked) one.respond(JSON.stringify({ error: { code: 404, err_code: 10_059, description: 'stream not found' } }));
        });
      },
    });
    await leaves.flush();

    const connections = installation.idle.get(TenantConnections, { strict: false });
    const { database } = installation.database;
    const meter = new BufferMeter(database, systemClock);
    const streams = installation.idle.get(Streams, { strict: false });
    const hub = new HubStreams(database, connections, installation.idle.get(Config, { strict: false }), streams, systemClock);
    await new StreamReconciler(database, connections, meter, hub, streams, systemClock).reconcile({ tenantId: tenant.id });
    expect(made.sort()).toEqual(['edge', 'edge-lima', 'edge-oslo', 'edge-paris', 'edge-rome']);
    expect(locked).toBe(false);
  });
});
