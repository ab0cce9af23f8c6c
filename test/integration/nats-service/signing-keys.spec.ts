import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Secret } from '#libs/kernel';
import { CollectorPackage, LeafControlLink, type NatsAccountKind, NatsLeafServer, NatsUser, type Tenant } from '#libs/model';
import { decodeAccount, decodeUser } from '#libs/nats';
import { CollectorsService, openCollectorSecrets } from '../../../src/collectors/index.js';
import { TenantCredentials, TenantConnections } from '../../../src/nats/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { type SigningKeyView, SigningKeysService } from '../../../src/signing-keys/index.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

interface Person {
  id: string;
  creds: Secret;
}

const issuerOf = (creds: Secret) => decodeUser(/-----BEGIN NATS USER JWT-----\n(.+)\n/.exec(creds.reveal())![1]!).iss;

/** One story, told step by step. */
describe.each(NATS_VERSIONS)('the rotation of signing keys, with servers of $name,', (version) => {
  let installation: Installation;
  let acme: Tenant;
  let siteId: string;
  let leaf: TestLeaf;
  const before: Partial<Record<NatsAccountKind, string>> = {};
  const after: Partial<Record<NatsAccountKind, string>> = {};
  let old: Person;
  let fresh: Person;
  let packages: { site: string; hub: string };
  const open: Record<string, NatsConnection> = {};

  const em = () => installation.database.database.em({ tenantId: acme.id });
  const service = () => installation.idle.get(SigningKeysService, { strict: false });
  const caller = () => installation.caller(acme);
  const keys = async () => (await service().list(caller(), { limit: 50 })).data;
  const keyOf = async (kind: NatsAccountKind, status: SigningKeyView['key']['status']) =>
    (await keys()).find(({ account, key }) => account.kind === kind && key.status === status);
  const person = async (): Promise<Person> => {
    const { user, creds } = await installation.person(acme, { publish: ['logs.syslog'], subscribe: ['logs.syslog'] });
    return { id: user.id, creds };
  };
  /** The sequence of the first message that was stored at the leaf. */
  let first: number;
  const store = async (connection: NatsConnection) => (await jetstream(connection, { checkAPI: false }).publish('logs.syslog', 'x')).seq;
  const atHub = () =>
    installation.processes[1]!
      .get(TenantConnections, { strict: false })
      .use(acme.id, 'streams', async (connection) => (await (await jetstreamManager(connection, { checkAPI: false })).streams.info('events')).state.messages);
  const leafRow = () => em().findOneOrFail(NatsLeafServer, { edgeSiteId: siteId });
  const packageOf = (id: string) => em().findOneOrFail(CollectorPackage, { id }, { populate: ['keyPemCiphertext', 'credsCiphertext'] });
  const credsOf = async (id: string) => openCollectorSecrets(installation.idle.get(KeyRing, { strict: false }), (await packageOf(id)) as never).creds;
  const collector = async (edgeSiteId: string | null) => {
    const asked = { collectorType: 'flowgger' as const, site: null, hostname: null, configOverrides: {}, edgeSiteId };
    const { collector: created } = await installation.idle.get(CollectorsService, { strict: false }).create(caller(), asked);
    await until('the package is ready', async () => (await packageOf(created.id)).status === 'ready' || undefined);
    return created.id;
  };
  const listed = async () => decodeAccount((await installation.account(acme)).jwt).nats.signing_keys;

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    for (const role of ['worker', 'monitor'] as const) await installation.process(role);
    acme = await installation.tenant('acme');
    siteId = (await installation.site(acme, 'new-york')).site.id;
    leaf = await installation.startLeaf(acme, siteId);
    old = await person();
    packages = { site: await collector(siteId), hub: await collector(null) };
    await until('the hub takes users', async () => (open.oldAtHub = await installation.toHub(old.creds).catch(() => undefined as never)));
    open.oldAtLeaf = await leaf.connect(old.creds);
    first = await until('the leaf stores', () => store(open.oldAtLeaf!).catch(() => undefined));
    await until('the hub has it', async () => (await atHub().catch(() => 0)) > 0 || undefined);
    for (const { account, key } of await keys()) before[account.kind] = key.publicKey;
    // A leaf that has no control link is not asked what it knows.
    await until('the leaf has its control link', async () => (await leaf.links()).control === 1);
    await until('that is on record', async () => (await installation.database.database.em({ tenantId: acme.id }).count(LeafControlLink, {})) === 1);
  });

  afterAll(() => installation.stop());

  it('begins with one active key of each account', async () => {
    expect((await keys()).map(({ account, key }) => `${account.kind} ${key.status}`).sort()).toEqual(['control active', 'tenant active']);
    expect(await listed()).toEqual([before.tenant]);
  });

  it('lists the next key first, and lets it sign when hub and leaf know it', async () => {
    const asked = await service().rotate(caller());
    expect(asked.map(({ key, liveUsers }) => [key.status, liveUsers])).toEqual([['next', 0], ['next', 0]]);
    await expect(service().rotate(caller())).rejects.toMatchObject({ code: 'conflict' });
    for (const kind of ['tenant', 'control'] as const) {
      await until(`the next key of ${kind} signs`, async () => (await keyOf(kind, 'retiring')) && true);
      after[kind] = (await keyOf(kind, 'active'))!.key.publicKey;
      expect((await keyOf(kind, 'retiring'))!.key).toMatchObject({ publicKey: before[kind], seedCiphertext: null });
    }
    expect(new Set(await listed())).toEqual(new Set([after.tenant, before.tenant]));
    await expect(service().rotate(caller())).rejects.toMatchObject({ code: 'conflict' });
  });

  it('lets users of both keys in, at hub and leaf', async () => {
    fresh = await person();
    expect([issuerOf(old.creds), issuerOf(fresh.creds)]).toEqual([before.tenant, after.tenant]);
    expect([open.oldAtHub!.isClosed(), open.oldAtLeaf!.isClosed()]).toEqual([false, false]);
    open.freshAtHub = await installation.toHub(fresh.creds);
    open.freshAtLeaf = await leaf.connect(fresh.creds);
    for (const connection of [await installation.toHub(old.creds), await leaf.connect(old.creds)]) await connection.close();
    expect(await store(open.oldAtLeaf!)).toBeLessThan(await store(open.freshAtLeaf));
  });

  it('gives leaves and packages new users, which the active key has signed', async () => {
    for (const id of Object.values(packages)) {
      await until('the package has its next generation', async () => (await packageOf(id)).provisionedGeneration === 2 || undefined);
      expect(issuerOf(await credsOf(id))).toBe(after.tenant);
    }
    open.collectorAtLeaf = await leaf.connect(await credsOf(packages.site));
    open.collectorAtHub = await installation.toHub(await credsOf(packages.hub));
    await until('the leaf has its next generation', async () => (await leafRow()).provisionedGeneration === 2 || undefined);
    const users = await em().find(NatsUser, { edgeSiteId: siteId, generation: 2, collectorPackageId: null, status: 'issued' }, { orderBy: { purpose: 'asc' } });
    expect(users.map(({ purpose, signingKey }) => [purpose, signingKey])).toEqual([
      ['leaf', after.tenant],
      ['leaf_control', after.control],
    ]);
  });

  it('does not retire a key that has signed somebody who is good', async () => {
    const retiring = (await keyOf('tenant', 'retiring'))!;
    // Two collectors, the leaf and a person.
    expect(retiring.liveUsers).toBe(4);
    await expect(service().retire(caller(), retiring.key.id, { force: false })).rejects.toMatchObject({
      code: 'signing_key_in_use',
      message: expect.stringMatching(/4 users that are good/),
    });
  });

  it('disturbs no stream when the leaf takes its next generation over, and then retires the control key by itself', async () => {
    const waiting = await store(open.freshAtLeaf!);
    await leaf.stop();
    leaf = await installation.startLeaf(acme, siteId);
    await until('the next generation is connected', async () => (await leafRow()).connectedGeneration === 2 || undefined);
    open.freshAtLeaf = await until('the leaf lets in', () => leaf.connect(fresh.creds).catch(() => undefined));
    open.oldAtLeaf = await leaf.connect(old.creds);
    expect(await store(open.freshAtLeaf)).toBe(waiting + 1);
    await until('the control key is retired', async () => (await keyOf('control', 'retired')) && true);
    expect((await keyOf('control', 'retired'))!.key.publicKey).toBe(before.control);
    expect((await keyOf('tenant', 'retiring'))!.liveUsers).toBe(3);
  });

  it('cuts off whom a key has signed that is retired by force, at hub and leaf, and nobody else', async () => {
    const { key } = (await keyOf('tenant', 'retiring'))!;
    const { liveUsers } = await service().retire(caller(), key.id, { force: true });
    expect(liveUsers).toBe(0);
    await Promise.all([open.oldAtHub!.closed(), open.oldAtLeaf!.closed()]);
    await expect(installation.toHub(old.creds)).rejects.toThrow(/authorization/i);
    await expect(leaf.connect(old.creds)).rejects.toThrow(/authorization/i);
    expect([open.freshAtHub!.isClosed(), open.freshAtLeaf!.isClosed()]).toEqual([false, false]);
    expect(await listed()).toEqual([after.tenant]);
    expect(await em().findOneOrFail(NatsUser, { id: old.id })).toMatchObject({ status: 'revoked', signingKey: before.tenant });
    await expect(service().retire(caller(), key.id, { force: true })).rejects.toMatchObject({ code: 'illegal_transition' });
  });

  it('leaves streams, links and revocation as they were', async () => {
    const stored = (await store(open.freshAtLeaf!)) - first + 1;
    await until('the hub has all', async () => (await atHub()) === stored || undefined);
    expect(await leaf.links()).toEqual({ messages: 1, control: 1 });
    const gone = await person();
    const connection = await leaf.connect(gone.creds);
    await installation.idle.get(TenantCredentials, { strict: false }).revoke(caller(), gone.id);
    await connection.closed();
    await expect(leaf.connect(gone.creds)).rejects.toThrow(/authorization/i);
  });

  it('can begin anew', async () => {
    const asked = await service().rotate(caller());
    expect(asked).toHaveLength(2);
    await until('the next key signs', async () => (await keyOf('tenant', 'retiring'))?.key.publicKey === after.tenant || undefined);
    expect((await leaf.connect((await person()).creds)).isClosed()).toBe(false);
  });
});
