import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { getQueueToken } from '@nestjs/bullmq';
import type { INestApplicationContext } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { NatsLeafServer, type Tenant } from '#libs/model';
import { SOURCE_REST } from '#libs/nats';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { HubStreams } from '../../../src/streams/hub-streams.js';
import { Streams, STREAMS_QUEUE } from '../../../src/streams/index.js';
import { storedTexts } from '../../support/stored-texts.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

const SUBJECT = 'logs.syslog';

describe('the source of a leaf that comes back, at a hub before 2.15,', () => {
  let installation: Installation;
  let worker: INestApplicationContext;
  let tenant: Tenant;
  let siteId: string;
  let leaf: TestLeaf;
  let hub: NatsConnection;

  const streams = async (connection: NatsConnection) => (await jetstreamManager(connection, { checkAPI: false })).streams;
  const sources = async () => (await (await streams(hub)).info('events')).config.sources ?? [];
  const record = async () => (await installation.found(tenant, siteId)).leaf;
  const seeTo = () => worker.get(HubStreams, { strict: false }).seeTo(tenant.id);
  const publish = async (text: string) => {
    const connection = await leaf.connect(await installation.unlimited(tenant));
    await until('the leaf stores it', () => jetstream(connection, { checkAPI: false }).publish(SUBJECT, text).catch(() => undefined));
    await connection.close();
  };

  beforeAll(async () => {
    installation = await Installation.prepare(NATS_VERSIONS.find(({ name }) => name === '2.10')!);
    await installation.startHub();
    worker = await installation.process('worker', 'monitor');
    tenant = await installation.tenant('acme');
    siteId = (await installation.site(tenant, 'oslo')).site.id;
    await installation.pushed(tenant);
    hub = await installation.toHub(await installation.unlimited(tenant));
    leaf = await installation.startLeaf(tenant, siteId);
    await until('the hub sources it', async () => (await sources()).length === 1);
    await publish('before');
    await until('the hub has it', async () => (await storedTexts(hub)).length === 1);
  });

  afterAll(() => installation.stop());

  it('is taken out, and on record as it stood', async () => {
    const [source] = await sources();
    await leaf.stop();
    await leaf.start();
    await until('it is on record how long', async () => (await record()).sourceRestsUntil !== null);
    expect(await sources()).toEqual([]);
    expect((await record()).restingSource).toMatchObject({ source });
    expect((await record()).sourceRestsUntil!.getTime()).toBeLessThanOrEqual(Date.now() + SOURCE_REST);
  });

  it('stays out, whoever sees to the tenant’s streams', async () => {
    const { sourceRestsUntil } = await record();
    await seeTo();
    expect(await sources()).toEqual([]);
    expect((await record()).sourceRestsUntil).toEqual(sourceRestsUntil);
  });

  it('is put back in time without anybody’s doing, and brings what was stored', async () => {
    await publish('meanwhile');
    const { sourceRestsUntil } = await record();
    await until('the hub sources it again', async () => (await sources()).length === 1);
    expect(Date.now()).toBeGreaterThanOrEqual(sourceRestsUntil!.getTime());
    await until('it is off the record', async () => (await record()).restingSource === null);
    await until('the hub has both', async () => (await storedTexts(hub)).length === 2);
    expect(await storedTexts(hub)).toEqual(['before', 'meanwhile']);
  });

  it('stays in when it is said again that it is time', async () => {
    const now = new Date();
    await worker.get(Streams, { strict: false }).requestRested(tenant.id, now, now);
    const queue = worker.get<Queue>(getQueueToken(STREAMS_QUEUE), { strict: false });
    await until('that is seen to', async () => (await queue.getJobCountByTypes('active', 'waiting', 'delayed')) === 0);
    expect(await sources()).toHaveLength(1);
    expect((await record()).restingSource).toBeNull();
  });

  it('brings all again of a leaf that was rolled back, also when it has stored more since than it had forgotten', async () => {
    await leaf.stop();
    await leaf.start();
    await until('it is on record how long', async () => (await record()).sourceRestsUntil !== null);
    const { restingSource } = await record();
    const connection = await leaf.connect(await installation.unlimited(tenant));
    const { state } = await (await streams(connection)).info('events');
    await connection.close();
    // As if it had forgotten a message, and stored another one since.
    const forgetful = { ...restingSource, lastSequence: state.last_seq - 1 };
    await installation.database.database.em(PLATFORM).nativeUpdate(NatsLeafServer, { edgeSiteId: siteId }, { restingSource: forgetful });
    await until('the hub has all again', async () => (await storedTexts(hub)).length === 4);
    expect(await storedTexts(hub)).toEqual(['before', 'meanwhile', 'before', 'meanwhile']);
  });
});
