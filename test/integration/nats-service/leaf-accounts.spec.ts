import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Secret } from '#libs/kernel';
import { LeafControlLink, NatsAccount, type Tenant } from '#libs/model';
import { CLAIMS_UPDATE_SUBJECT, decodeAccount } from '#libs/nats';
import { TenantCredentials } from '../../../src/nats/index.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

interface Person {
  id: string;
  creds: Secret;
}

describe.each(NATS_VERSIONS)('the leaves of two tenants, with servers of $name,', (version) => {
  let installation: Installation;
  let acme: Tenant;
  let globex: Tenant;
  const sites: Record<string, string> = {};
  const leaves: Record<string, TestLeaf> = {};

  const person = async (tenant: Tenant): Promise<Person> => {
    const { user, creds } = await installation.person(tenant, { publish: ['logs.syslog'], subscribe: [] });
    return { id: user.id, creds };
  };
  const revoke = (tenant: Tenant, { id }: Person) =>
    installation.idle.get(TenantCredentials, { strict: false }).revoke(installation.caller(tenant), id);

  /** Publishes with acknowledgement: JetStream of the leaf works for the account. */
  const store = async (connection: NatsConnection) => (await jetstream(connection, { checkAPI: false }).publish('logs.syslog', 'x')).seq;

  const accounts = (tenant: Tenant) => installation.database.database.em({ tenantId: tenant.id });
  /** Waits until each leaf of a tenant that is connected has confirmed the tenant's newest JWT. */
  const confirmed = (tenant: Tenant, leaves: number) =>
    until(`${leaves} leaves of ${tenant.slug} have confirmed`, async () => {
      const { jwtRevision } = await installation.account(tenant);
      const links = await accounts(tenant).find(LeafControlLink, { accountRevision: jwtRevision });
      return links.length === leaves || undefined;
    });

  const start = async (tenant: Tenant, slug: string) => {
    sites[slug] = (await installation.site(tenant, slug)).site.id;
    leaves[slug] = await installation.startLeaf(tenant, sites[slug]);
  };

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    // Two workers: an older JWT of one must not come after a newer one of the other.
    for (const role of ['worker', 'worker', 'monitor'] as const) await installation.process(role);
    acme = await installation.tenant('acme');
    globex = await installation.tenant('globex');
    await start(acme, 'new-york');
    await start(acme, 'oslo');
    await start(globex, 'paris');
    await confirmed(acme, 2);
    await confirmed(globex, 1);
  });

  afterAll(() => installation.stop());

  it('are reached over a control account of their tenant, which has no JetStream', async () => {
    const keys = await Promise.all([acme, globex].map((tenant) => accounts(tenant).findOneOrFail(NatsAccount, { kind: 'control' })));
    expect(new Set(keys.map(({ publicKey }) => publicKey)).size).toBe(2);
    for (const { jwt } of keys) expect(decodeAccount(jwt).nats.limits).toMatchObject({ mem_storage: 0, disk_storage: 0 });
  });

  it('have one link for messages, and the control link', async () => {
    for (const leaf of Object.values(leaves)) {
      await until('the leaf is linked', async () => (await leaf.links()).messages > 0);
      expect(await leaf.links()).toEqual({ messages: 1, control: 1 });
    }
  });

  it('drop a user that is revoked, and refuse it from then on', async () => {
    const revoked = await person(acme);
    const other = await person(acme);
    const stays = await leaves['new-york']!.connect(other.creds);
    const before = await until('the leaf stores', () => store(stays).catch(() => undefined));
    const connections = await Promise.all([leaves['new-york']!.connect(revoked.creds), leaves.oslo!.connect(revoked.creds)]);

    const start = performance.now();
    await revoke(acme, revoked);
    const reasons = await Promise.all(connections.map((connection) => connection.closed()));
    console.log(`Both leaves had dropped the user ${Math.round(performance.now() - start)} ms after its revocation was asked for.`);

    for (const reason of reasons) expect(String(reason)).toMatch(/revoked|authoriz|authentic/i);
    for (const slug of ['new-york', 'oslo']) await expect(leaves[slug]!.connect(revoked.creds)).rejects.toThrow(/authorization/i);
    expect(await store(stays)).toBe(before + 1);
    await confirmed(acme, 2);
  });

  it('hear of their own tenant’s users only', async () => {
    const before = leaves.paris!.accounts();
    await revoke(acme, await person(acme));
    await confirmed(acme, 2);
    expect(leaves.paris!.accounts()).toEqual(before);
    await expect(leaves.paris!.connect((await person(globex)).creds)).resolves.toBeDefined();
  });

  it('refuse a user that was revoked after they start again while the hub is away', async () => {
    const revoked = await person(acme);
    const other = await person(acme);
    await revoke(acme, revoked);
    await confirmed(acme, 2);

    await installation.stopHub();
    const leaf = leaves['new-york']!;
    await leaf.stop();
    await leaf.start();
    await expect(leaf.connect(revoked.creds)).rejects.toThrow(/authorization/i);
    expect(await store(await leaf.connect(other.creds))).toBeGreaterThan(0);
    await installation.startHub();
    await confirmed(acme, 2);
  });

  it('learn when they connect of who was revoked while they were down', async () => {
    const revoked = await person(acme);
    await leaves.oslo!.stop();
    await confirmed(acme, 1);
    await revoke(acme, revoked);
    await confirmed(acme, 1);

    await leaves.oslo!.start();
    await confirmed(acme, 2);
    await expect(leaves.oslo!.connect(revoked.creds)).rejects.toThrow(/authorization/i);
  });

  it('learn it again when they have lost what they knew', async () => {
    const revoked = await person(acme);
    await revoke(acme, revoked);
    await confirmed(acme, 2);
    await leaves.oslo!.stop();
    await confirmed(acme, 1);
    leaves.oslo!.forgetAccounts();
    await leaves.oslo!.start();
    await confirmed(acme, 2);
    await expect(leaves.oslo!.connect(revoked.creds)).rejects.toThrow(/authorization/i);
  });

  it('learn it, when nobody saw them connect', async () => {
    const revoked = await person(globex);
    await leaves.paris!.stop();
    await until('the control link is gone', async () => (await accounts(globex).count(LeafControlLink, {})) === 0 || undefined);
    const monitor = installation.processes.at(-1)!;
    await installation.end(monitor);
    await revoke(globex, revoked);
    await leaves.paris!.start();
    await until('the leaf is linked', async () => (await leaves.paris!.links()).control === 1 || undefined);
    await installation.process('monitor');
    await confirmed(globex, 1);
    await expect(leaves.paris!.connect(revoked.creds)).rejects.toThrow(/authorization/i);
  });

  it('are told in the order of the revisions, the newest last', async () => {
    const people = await Promise.all(Array.from({ length: 16 }, () => person(acme)));
    const told: number[] = [];
    const listener = await installation.inControlAccount(acme);
    listener.subscribe(CLAIMS_UPDATE_SUBJECT, {
      callback: (_error, message) => void told.push(Object.keys(decodeAccount(message.string()).nats.revocations ?? {}).length),
    });
    await listener.flush();

    // All wait for the same row: some perhaps too long, and ask again.
    await Promise.all(people.map((one) => until('it is revoked', () => revoke(acme, one).then(() => true))));
    await confirmed(acme, 2);
    await listener.flush();

    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(Object.keys((await installation.account(acme)).revocations).length);
    for (const one of people) await expect(leaves.oslo!.connect(one.creds)).rejects.toThrow(/authorization/i);
  });

  it('keep no revision that is as old as the one before, by the second', async () => {
    const issued: number[] = [];
    for (let count = 0; count < 3; count++) {
      await revoke(acme, await person(acme));
      issued.push(decodeAccount((await installation.account(acme)).jwt).iat);
    }
    expect(issued).toEqual([...new Set(issued)].sort((a, b) => a - b));
  });
});
