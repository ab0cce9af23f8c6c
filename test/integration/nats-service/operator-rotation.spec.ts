import type { NatsConnection } from '@nats-io/transport-node';
import type { Secret } from '#libs/kernel';
import { LeafControlLink, NatsAccount, type Tenant } from '#libs/model';
import { decodeAccount } from '#libs/nats';
import { TenantCredentials, OperatorRotation, type OperatorState } from '../../../src/nats/index.js';
import { systemCaller } from '../../../src/platform/auth/index.js';
import { TenantsService } from '../../../src/tenants/index.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

interface Person {
  id: string;
  creds: Secret;
}

const PLATFORM_ADMIN = systemCaller('test', null);

describe.each(NATS_VERSIONS)('the operator’s signing key, with servers of $name,', (version) => {
  let installation: Installation;
  let acme: Tenant;
  const sites: Record<string, string> = {};
  const leaves: Record<string, TestLeaf> = {};

  const rotation = (process = installation.idle) => process.get(OperatorRotation, { strict: false });
  const state = () => rotation().state(PLATFORM_ADMIN);
  const keyOf = ({ keys }: OperatorState, status: string) => keys.find((key) => key.status === status)!;
  const hubKnows = (publicKey: string) =>
    until('the hub says that it trusts the key', async () => (await state()).hubKeys?.includes(publicKey) || undefined);

  const person = async (): Promise<Person> => {
    const { user, creds } = await installation.person(acme, { publish: ['logs.syslog'], subscribe: [] });
    return { id: user.id, creds };
  };
  const revoke = ({ id }: Person) => installation.idle.get(TenantCredentials, { strict: false }).revoke(installation.caller(acme), id);
  const issuers = async (leaf: TestLeaf) => {
    const { publicKey } = await installation.account(acme);
    return leaf.accounts().map((jwt) => decodeAccount(jwt)).filter(({ sub }) => sub === publicKey).map(({ iss }) => iss);
  };

  /** Waits until these leaves, and no others, have a control link, and have confirmed the tenant's newest JWT over it. */
  const confirmed = (...slugs: string[]) =>
    until(`${slugs.join(', ')} have confirmed`, async () => {
      const { jwtRevision } = await installation.account(acme);
      const links = await controlLinks();
      const expected = slugs.map((slug) => sites[slug]).sort();
      const reached = links.filter(({ accountRevision }) => accountRevision === jwtRevision).map(({ edgeSiteId }) => edgeSiteId).sort();
      return (links.length === expected.length && reached.join() === expected.join()) || undefined;
    });
  const signedAnew = () =>
    until('the hub has all accounts, signed anew', async () => {
      const { accountsToSign, accountsToPush } = await state();
      return (accountsToSign === 0 && accountsToPush === 0) || undefined;
    });
  /** Waits until the newest bundle of each site holds the operator's newest JWT. */
  const provisioned = (generation: number) =>
    Promise.all(
      Object.values(sites).map((id) =>
        until(`generation ${generation} is provisioned`, async () => {
          const { leaf } = await installation.found(acme, id);
          return leaf.provisionedGeneration === generation || undefined;
        }),
      ),
    );
  const install = async (slug: string) => {
    await leaves[slug]?.stop();
    leaves[slug] = await installation.startLeaf(acme, sites[slug]!);
  };
  const installed = (slug: string, generation: number) =>
    until(`${slug} runs generation ${generation}`, async () => {
      const { leaf } = await installation.found(acme, sites[slug]!);
      return leaf.installedGeneration === generation || undefined;
    });
  const controlLinks = () => installation.database.database.em({ tenantId: acme.id }).find(LeafControlLink, {});
  /** Waits, too, until the monitor has seen each leaf come again: on 2.10, it takes one that it has not seen come for the generation before. */
  const restartHub = async () => {
    const before = await controlLinks();
    await installation.stopHub();
    await installation.startHub();
    await until('the leaves are linked again', async () => {
      const now = new Map((await controlLinks()).map(({ edgeSiteId, linkId }) => [edgeSiteId, linkId]));
      return before.every(({ edgeSiteId, linkId }) => now.has(edgeSiteId) && now.get(edgeSiteId) !== linkId) || undefined;
    });
  };
  const stays = async (connection: NatsConnection) => {
    connection.publish('logs.syslog', 'x');
    await connection.flush();
    expect(connection.isClosed()).toBe(false);
  };

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    for (const role of ['worker', 'worker', 'monitor'] as const) await installation.process(role);
    acme = await installation.tenant('acme');
    for (const slug of ['new-york', 'oslo']) {
      sites[slug] = (await installation.site(acme, slug)).site.id;
      await install(slug);
    }
    await confirmed('new-york', 'oslo');
    for (const slug of ['new-york', 'oslo']) await installed(slug, 1);
    await hubKnows(keyOf(await state(), 'active').publicKey);
  });

  afterAll(() => installation.stop());

  describe('begun to be replaced', () => {
    it('goes on signing, while each site gets a bundle whose operator lists both', async () => {
      const atLeaf = await leaves['new-york']!.connect((await person()).creds);
      await rotation().begin(PLATFORM_ADMIN);
      await provisioned(2);
      expect((await state()).keys.map(({ status }) => status)).toEqual(['next', 'active']);
      expect((await state()).sitesBehind).toEqual({ count: 2, examples: ['acme/new-york', 'acme/oslo'] });
      await stays(atLeaf);
      await atLeaf.close();
    });

    it('is not replaced while the hub has not started with it: a reload is refused, and costs no client', async () => {
      const atHub = await installation.toHub((await person()).creds);
      installation.hub.reload(await installation.configureHub());
      await until('the hub says why', () => /config reload not supported for TrustedOperators/.test(installation.hub.log()) || undefined);
      await stays(atHub);
      const { id, publicKey } = keyOf(await state(), 'next');
      await expect(rotation().activate(PLATFORM_ADMIN, id, { force: false })).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/The hub does not know the key yet\..*2 sites have not installed.*acme\/new-york, acme\/oslo/),
      });

      await restartHub();
      await hubKnows(publicKey);
    });

    it('is not replaced while a site has not installed its bundle', async () => {
      await install('new-york');
      await installed('new-york', 2);
      const { id } = keyOf(await state(), 'next');
      await expect(rotation().activate(PLATFORM_ADMIN, id, { force: false })).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('1 site has not installed a bundle that knows the key (acme/oslo).'),
      });
      await confirmed('new-york', 'oslo');
    });
  });

  describe('replaced by force, with a site behind', () => {
    let atLeaves: NatsConnection[];
    let newKey: string;

    beforeAll(async () => {
      atLeaves = await Promise.all(['new-york', 'oslo'].map(async (slug) => leaves[slug]!.connect((await person()).creds)));
      const next = keyOf(await state(), 'next');
      newKey = next.publicKey;
      await rotation().activate(PLATFORM_ADMIN, next.id, { force: true });
      await signedAnew();
    });

    it('has signed nothing that the hub and the leaves that know the new one have', async () => {
      await confirmed('new-york');
      expect(await issuers(leaves['new-york']!)).toEqual([newKey]);
      const rows = await installation.database.database.em({ tenantId: acme.id }).find(NatsAccount, {});
      expect(rows.map(({ jwt }) => decodeAccount(jwt).iss)).toEqual([newKey, newKey]);
    });

    it('cost no client of any leaf', async () => {
      for (const connection of atLeaves) await stays(connection);
    });

    it('is trusted by the leaf that is behind as before, after it starts again, too', async () => {
      expect(await issuers(leaves.oslo!)).not.toContain(newKey);
      await leaves.oslo!.stop();
      await leaves.oslo!.start();
      await until('its messages are linked', async () => (await leaves.oslo!.links()).messages === 1 || undefined);
      await expect(leaves.oslo!.connect((await person()).creds)).resolves.toBeDefined();
      expect((await leaves.oslo!.links()).control).toBe(0);
    });

    it('is not what a process signs with that was running before', async () => {
      for (const [at, process] of installation.processes.entries()) {
        const tenant = await process.get(TenantsService, { strict: false }).create(PLATFORM_ADMIN, { name: `tenant-${at}` });
        expect((await installation.account(tenant)).signedBy).toBe(newKey);
        expect(decodeAccount((await installation.account(tenant)).jwt).iss).toBe(newKey);
      }
    });

    it('lets a revocation reach the leaf that knows the new one, and not the one that does not', async () => {
      const revoked = await person();
      const connection = await leaves['new-york']!.connect(revoked.creds);
      await revoke(revoked);
      expect(String(await connection.closed())).toMatch(/revoked|authoriz|authentic/i);
      await expect(leaves.oslo!.connect(revoked.creds)).resolves.toBeDefined();
    });
  });

  describe('retired', () => {
    it('is in no bundle any more, and costs no leaf a client that has not installed it', async () => {
      await signedAnew();
      const atLeaf = await leaves['new-york']!.connect((await person()).creds);
      await rotation().retire(PLATFORM_ADMIN, keyOf(await state(), 'retiring').id, { force: false });
      await provisioned(3);
      await restartHub();
      await until('the hub has forgotten it', async () => (await state()).hubKeys?.length === 1 || undefined);
      await confirmed('new-york');
      await stays(atLeaf);
    });

    it('is forgotten by leaves that install the newest bundle, also by one that was behind, which then learns what it missed', async () => {
      const revoked = await person();
      await revoke(revoked);
      for (const slug of ['new-york', 'oslo']) {
        await install(slug);
        await installed(slug, 3);
      }
      await confirmed('new-york', 'oslo');
      await expect(leaves.oslo!.connect(revoked.creds)).rejects.toThrow(/authorization/i);
      for (const slug of ['new-york', 'oslo']) await expect(leaves[slug]!.connect((await person()).creds)).resolves.toBeDefined();
      expect((await state()).sitesBehind.count).toBe(0);
    });
  });

  it('is replaced without force when hub and sites are ready', async () => {
    await rotation().begin(PLATFORM_ADMIN);
    await provisioned(4);
    await restartHub();
    for (const slug of ['new-york', 'oslo']) {
      await install(slug);
      await installed(slug, 4);
    }
    const next = keyOf(await state(), 'next');
    await hubKnows(next.publicKey);
    await confirmed('new-york', 'oslo');
    const atLeaves = await Promise.all(Object.values(leaves).map(async (leaf) => leaf.connect((await person()).creds)));

    await rotation().activate(PLATFORM_ADMIN, next.id, { force: false });
    await signedAnew();
    await confirmed('new-york', 'oslo');
    for (const connection of atLeaves) await stays(connection);
    for (const leaf of Object.values(leaves)) expect(await issuers(leaf)).toEqual([next.publicKey]);
    await rotation().retire(PLATFORM_ADMIN, keyOf(await state(), 'retiring').id, { force: false });
  });
});
