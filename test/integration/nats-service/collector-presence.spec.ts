import type { NatsConnection } from '@nats-io/transport-node';
import { type Secret, systemClock } from '#libs/kernel';
import { AuditEvent, CollectorPackage, LeafControlLink, type Tenant } from '#libs/model';
import { ANY_CONNECTIONS_SUBJECT, connectionsSubject } from '#libs/nats';
import { CollectorsService, openCollectorSecrets } from '../../../src/collectors/index.js';
import { TenantCredentials } from '../../../src/nats/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from './installation.js';
import type { TestLeaf } from './test-leaf.js';

/** More than a leaf lists at a time. */
const CROWD = 70;

interface Downloaded {
  tenant: Tenant;
  id: string;
  creds: Secret;
}

describe.each(NATS_VERSIONS)('a collector whose package was downloaded, with servers of $name,', (version) => {
  let installation: Installation;
  let acme: Tenant;
  let globex: Tenant;
  /** Whoever is asked for the connections of an account, at the hub and over acme's control account: the account's key. */
  const asked: { hub: string[]; leaves: string[] } = { hub: [], leaves: [] };
  const sites: Record<string, string> = {};
  const leaves: Record<string, TestLeaf> = {};

  const em = ({ id }: Tenant) => installation.database.database.em({ tenantId: id });
  const found = ({ tenant, id }: Downloaded) => em(tenant).findOneOrFail(CollectorPackage, { id });
  const installed = (collector: Downloaded) =>
    until('the package is installed', async () => {
      const row = await found(collector);
      return row.status === 'installed' && row;
    });
  /** Waits until a place has been asked twice more: what was there before the second time has been looked at the first time. */
  const askedAgain = async (place: keyof typeof asked, tenant: Tenant) => {
    const { publicKey } = await installation.account(tenant);
    const times = () => asked[place].filter((account) => account === publicKey).length;
    const before = times();
    await until(`the ${place} are asked again`, () => times() >= before + 2);
  };

  const download = ({ tenant, id }: Pick<Downloaded, 'tenant' | 'id'>) =>
    installation.database.database.transaction({ tenantId: tenant.id }, async (em) => {
      (await em.findOneOrFail(CollectorPackage, { id })).download('tls://leaf.example:4222', systemClock.now());
    });
  const downloaded = async (tenant: Tenant, site?: string): Promise<Downloaded> => {
    const { collector } = await installation.idle.get(CollectorsService, { strict: false }).create(installation.caller(tenant), {
      collectorType: 'flowgger',
      site: null,
      hostname: null,
      configOverrides: {},
      edgeSiteId: site === undefined ? null : sites[site]!,
    });
    const { id } = collector;
    const ready = await until('the package is ready', async () => {
      const row = await em(tenant).findOneOrFail(CollectorPackage, { id }, { populate: ['keyPemCiphertext', 'credsCiphertext'] });
      return row.status === 'ready' && row;
    });
    await download({ tenant, id });
    return { tenant, id, creds: openCollectorSecrets(installation.idle.get(KeyRing, { strict: false }), ready as never).creds };
  };

  beforeAll(async () => {
    installation = await Installation.prepare(version);
    await installation.startHub();
    // Two monitors: one of them leads.
    for (const role of ['worker', 'monitor', 'monitor'] as const) await installation.process(role);
    acme = await installation.tenant('acme');
    globex = await installation.tenant('globex');
    for (const slug of ['new-york', 'oslo']) {
      sites[slug] = (await installation.site(acme, slug)).site.id;
      leaves[slug] = await installation.startLeaf(acme, sites[slug]);
    }
    await until('the leaves can be asked', async () => (await em(acme).count(LeafControlLink, {})) === 2);
    const hear = (connection: NatsConnection, place: keyof typeof asked) => {
      connection.subscribe(ANY_CONNECTIONS_SUBJECT, { callback: (_error, { subject }) => void asked[place].push(subject.split('.')[3]!) });
      return connection.flush();
    };
    await hear(await installation.system(), 'hub');
    await hear(await installation.inControlAccount(acme), 'leaves');
  });

  afterAll(() => installation.stop());

  it('is installed once it is connected to the leaf of its site', async () => {
    const collector = await downloaded(acme, 'new-york');
    await leaves['new-york']!.connect(collector.creds);
    expect((await installed(collector)).installedAt).toBeInstanceOf(Date);
    const deeds = await em(acme).find(AuditEvent, { subjectId: collector.id, action: 'collector_package.install' });
    expect(deeds).toMatchObject([{ actor: 'system:presence', subjectType: 'collector_package' }]);
  });

  it('is installed once it is connected to the hub, if it has no site', async () => {
    const collector = await downloaded(globex);
    await askedAgain('hub', globex);
    expect((await found(collector)).status).toBe('downloaded');

    await installation.toHub(collector.creds);
    await installed(collector);
  });

  it('is not installed because another site says that it is connected there', async () => {
    const collector = await downloaded(acme, 'oslo');
    const stray = await leaves['new-york']!.connect(collector.creds);
    await askedAgain('leaves', acme);
    expect((await found(collector)).status).toBe('downloaded');

    await stray.close();
    await leaves.oslo!.connect(collector.creds);
    await installed(collector);
  });

  it('is found among many others', async () => {
    const { creds } = await installation.person(acme);
    const others = [];
    for (let count = 0; count < CROWD; count++) others.push(await leaves['new-york']!.connect(creds));
    const collector = await downloaded(acme, 'new-york');
    await leaves['new-york']!.connect(collector.creds);
    await installed(collector);
    await Promise.all(others.map((one) => one.close()));
  });

  it('is found while other leaves are silent, and others talk nonsense', async () => {
    sites.rome = (await installation.site(acme, 'rome')).site.id;
    await em(acme).insert(LeafControlLink, { edgeSiteId: sites.rome, tenantId: acme.id, linkId: 'hub:1', accountRevision: null, connectedAt: systemClock.now() });
    const awaited = await downloaded(acme, 'rome');
    const liar = await installation.inControlAccount(acme);
    liar.subscribe(connectionsSubject((await installation.account(acme)).publicKey), {
      callback: (_error, request) => {
        for (const nonsense of ['', '{', '{"server":{"name":"nats-new-york"}}']) request.respond(nonsense);
        // There is no end to it.
        const { offset } = request.json<{ offset: number }>();
        request.respond(JSON.stringify({ server: { name: 'nats-rome' }, data: { offset, total: offset + 2, connections: [{ authorized_user: 'x' }] } }));
      },
    });
    await liar.flush();

    // The second one has to wait for a look that comes after the one at Rome.
    for (let count = 0; count < 2; count++) {
      const collector = await downloaded(acme, 'new-york');
      await leaves['new-york']!.connect(collector.creds);
      await installed(collector);
    }
    expect((await found(awaited)).status).toBe('downloaded');

    await liar.close();
    await installation.idle.get(CollectorsService, { strict: false }).revoke(installation.caller(acme), awaited.id);
  });

  it('is found after the hub was away', async () => {
    const collector = await downloaded(globex);
    await installation.stopHub();
    await installation.startHub();
    await until('the hub takes it', () => installation.toHub(collector.creds));
    await installed(collector);
  });

  it('is looked for where it is expected, and nobody is asked elsewhere, nor for one whose user is revoked', async () => {
    const [revoked, expected] = [await downloaded(acme), await downloaded(globex)];
    const credentials = installation.idle.get(TenantCredentials, { strict: false });
    const { data } = await credentials.list(installation.caller(acme), { limit: 100 });
    await credentials.revoke(installation.caller(acme), data.find(({ collectorPackageId }) => collectorPackageId === revoked.id)!.id);
    await askedAgain('hub', globex);

    const before = { hub: asked.hub.length, leaves: asked.leaves.length };
    await askedAgain('hub', globex);
    const { publicKey } = await installation.account(globex);
    expect(new Set(asked.hub.slice(before.hub))).toEqual(new Set([publicKey]));
    expect(asked.leaves.slice(before.leaves)).toEqual([]);
    await installation.toHub(expected.creds);
    await installed(expected);
  });

  it('stays installed when it is gone, and when its package is downloaded again', async () => {
    const collector = await downloaded(globex);
    const connection = await installation.toHub(collector.creds);
    const { installedAt } = await installed(collector);
    await connection.close();
    await download(collector);
    expect(await found(collector)).toMatchObject({ status: 'installed', installedAt });
  });
});
