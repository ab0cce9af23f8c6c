import { claimsUpdate, hubStream, parseClaimsUpdateAnswer, parseStreamAnswer, streamRequest } from '#libs/nats';
import type { NatsConnection } from '@nats-io/transport-node';
import { Deployment, SITE } from './deployment.js';
import { NATS_VERSIONS, until } from './nats-server.js';

const EVERYTHING = { publish: { allow: ['>'] }, subscribe: { allow: ['>'] } };
/** For requests, in milliseconds. */
const PATIENCE = { timeout: 10_000 };

/** Whose leaf may do over its link whatever it likes: what all of this is for. */
class OpenDeployment extends Deployment {
  override leafCreds(): Uint8Array {
    return this.creds(this.tenantKey.publicKey, this.tenantSigningKey, EVERYTHING, ['LEAFNODE'], this.leafUserKey);
  }
}

describe.each(NATS_VERSIONS)('over the link of a leaf to a hub of nats-server $name', (version) => {
  let deployment: Deployment;
  let reconciler: NatsConnection;
  /** Somebody at the site with credentials for everything. */
  let site: NatsConnection;
  /** What reaches the tenant's account at the hub. */
  let heard: string[];

  const start = async (started: Deployment) => {
    deployment = started;
    await deployment.allocatePorts();
    await deployment.startHub();
    const { subject, payload } = claimsUpdate(deployment.accountJwt(deployment.tenant));
    const answer = await (await deployment.system()).request(subject, payload, PATIENCE);
    expect(parseClaimsUpdateAnswer(answer.data)).toMatchObject({ accepted: true });
    reconciler = await deployment.streamService();
    expect(await askStream('create', JSON.stringify(hubStream({ sites: [] })))).toMatchObject({ kind: 'stream' });

    const hub = await deployment.toHub(deployment.tenantCreds(EVERYTHING));
    heard = [];
    for (const wanted of ['alarms.>', `_sync.${SITE}.>`]) hub.subscribe(wanted, { callback: (_error, message) => void heard.push(message.subject) });
    await hub.flush();
    await deployment.startLeaf();
    site = await deployment.toLeaf(deployment.tenantCreds(EVERYTHING));
  };

  const askStream = async (verb: 'create' | 'info', payload = '') => parseStreamAnswer((await reconciler.request(streamRequest(verb), payload, PATIENCE)).data);

  /** Publishes at the site until the last of the subjects is heard at the hub. */
  const publishUntilHeard = (...subjects: string[]) =>
    until(`${subjects.at(-1)} is heard at the hub`, async () => {
      for (const subject of subjects) site.publish(subject);
      await site.flush();
      return heard.includes(subjects.at(-1)!);
    });

  const deleteStream = () => site.request('$JS.hub.API.STREAM.DELETE.events', '', PATIENCE);

  afterEach(() => deployment.stop());

  it('nobody at the site publishes to the hub, nor deletes its stream', async () => {
    await start(new Deployment(version));
    // What the stream's source is sent by goes the same way, behind it.
    await publishUntilHeard('alarms.fire', `_sync.${SITE}.message`);
    expect(heard).not.toContain('alarms.fire');

    await expect(deleteStream()).rejects.toThrow(/no responders/i);
    expect(await askStream('info')).toMatchObject({ kind: 'stream' });
  });

  it('both would be done, did the permissions of the leaf’s user not forbid it', async () => {
    await start(new OpenDeployment(version));
    await publishUntilHeard('alarms.fire');
    await until('the stream is deleted', async () => (await deleteStream()).json<{ success?: boolean }>().success);
    expect(await askStream('info')).toMatchObject({ kind: 'not_found' });
  });
});
