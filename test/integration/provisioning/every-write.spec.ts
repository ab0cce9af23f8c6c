import { ModuleRef } from '@nestjs/core';
import { type Api, ok } from '../../../lab/api.js';
import { CollectorProvisioner } from '../../../src/collectors/collector-provisioner.js';
import type { CollectorPackageDto } from '../../../src/collectors/dto/collector.dto.js';
import { CollectorGenerations, CollectorsModule } from '../../../src/collectors/index.js';
import type { TenantCaDto } from '../../../src/ca-roll-over/dto/tenant-ca.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { EdgeSitesModule, LeafGenerations, LeafPresence } from '../../../src/edge-sites/index.js';
import { CredentialService, type IntendedUser, TenantCredentials } from '../../../src/nats/index.js';
import { CertificateService, type SigningRequest } from '../../../src/pki/index.js';
import { systemCaller } from '../../../src/platform/auth/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { IntentSweep } from '../../../src/provisioning/intent.sweep.js';
import { LeafProvisioner } from '../../../src/provisioning/leaf-provisioner.js';
import type { TenantDto } from '../../../src/tenants/dto/tenant.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { wrongsOf } from '../../support/issued.js';
import { type Moment, NthWrite } from '../../support/nth-write.js';

interface Owner {
  id: string;
  api: Api;
}

/** Something that is issued: what it is done to, and how it is done, from wherever an attempt before has left it. */
interface Issuance<T> {
  prepare: (owner: Owner) => Promise<T>;
  attempt: (thing: T, owner: Owner) => Promise<unknown>;
  /** Fails unless it is done, once. */
  expectDone: (thing: T, owner: Owner) => Promise<void>;
}

/** Runs are made by hand: no worker is there to make its own. */
let app: TestApp;
let writes: NthWrite;
let leaves: LeafProvisioner;
let collectors: CollectorProvisioner;
/** What was signed without being on record as intended. */
const unrecorded: string[] = [];

const get = <T>(service: abstract new (...args: never[]) => T): T => app.service.app.get(service as never, { strict: false });
const sql = <T>(statement: string, ...values: unknown[]) => app.database.database.em('platform').execute<T[]>(statement, values);

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api', NATS_PUBLIC_URL: 'tls://hub.example.com:4222' });
  leaves = await app.service.app.select(EdgeSitesModule).get(ModuleRef, { strict: true }).create(LeafProvisioner);
  collectors = await app.service.app.select(CollectorsModule).get(ModuleRef, { strict: true }).create(CollectorProvisioner);
  watch<SigningRequest>(get(CertificateService), 'certificates', ({ certificate }) => certificate.id);
  watch<IntendedUser>(get(CredentialService), 'nats_users', ({ user }) => user.id);
  writes = await NthWrite.install(app.database.ownerUrl);
});
afterAll(async () => {
  await writes.close();
  await app.close();
});

/** Whenever something is signed, looks, on another connection, whether it is on record. */
function watch<T>(service: object, table: string, idOf: (made: T) => string): void {
  const signing = service as { signAll(made: readonly T[], within?: unknown): Promise<unknown> };
  const original = signing.signAll.bind(service);
  signing.signAll = async (made, within) => {
    const signed = await original(made, within);
    const ids = made.map(idOf);
    const found = await sql(`select id from ${table} where id in (?) and status = 'intended'`, ids);
    if (found.length !== ids.length) unrecorded.push(`${table}: ${ids}`);
    return signed;
  };
}

const siteNow = ({ id }: { id: string }, { api }: Owner) => ok(api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`));
const collectorNow = ({ id }: { id: string }, { api }: Owner) => ok(api.get<CollectorPackageDto>(`/admin/collectors/${id}`));

async function provisionLeaf(site: { id: string }, owner: Owner): Promise<void> {
  const { leaf_server: leaf } = await siteNow(site, owner);
  await leaves.provision(owner.id, [{ leafId: leaf.id, generation: leaf.generation }]);
}

async function provisionCollector({ id }: { id: string }, owner: Owner): Promise<void> {
  const [row] = await sql<{ attempt: number }>('select attempt from collector_packages where id = ?', id);
  await collectors.provision({ tenantId: owner.id, packageId: id, attempt: row!.attempt });
}

const createSite = ({ api }: Owner) => ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Plant `$(touch x)`' }));
const createCollector = ({ api }: Owner) => ok(api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger' }));
const ofLeaf = (status: string, generation: number) => async (site: { id: string }, owner: Owner) =>
  expect((await siteNow(site, owner)).leaf_server).toMatchObject({ status, generation });
const ofCollector = (generation: number) => async (collector: { id: string }, owner: Owner) =>
  expect(await collectorNow(collector, owner)).toMatchObject({ status: 'ready', provisioned_generation: generation });

const provisionedSite = async (owner: Owner) => {
  const site = await createSite(owner);
  await provisionLeaf(site, owner);
  return site;
};
const readyCollector = async (owner: Owner) => {
  const collector = await createCollector(owner);
  await provisionCollector(collector, owner);
  return collector;
};

/** Asks for what is to come, unless that was done, and makes it. */
const inTurn = <T extends { id: string }>(generationOf: (thing: T, owner: Owner) => Promise<number>, ask: (thing: T, owner: Owner) => Promise<unknown>, make: typeof provisionLeaf) =>
  async (thing: T, owner: Owner) => {
    if ((await generationOf(thing, owner)) === 1) await ask(thing, owner);
    await make(thing, owner);
  };
const leafGeneration = async (site: { id: string }, owner: Owner) => (await siteNow(site, owner)).leaf_server.generation;
const collectorGeneration = async (collector: { id: string }, owner: Owner) => (await collectorNow(collector, owner)).generation;

const agent = { label: 'Agent', component_type: 'agent', component_id: 'agent-1' };

const ISSUANCES: Record<string, Issuance<{ id: string }>> = {
  'a leaf is provisioned': { prepare: createSite, attempt: provisionLeaf, expectDone: ofLeaf('provisioned', 1) },
  'a leaf is regenerated': {
    prepare: provisionedSite,
    attempt: inTurn(leafGeneration, ({ id }, { api }) => ok(api.post(`/admin/edge-sites/${id}/leaf-server/regenerate`)), provisionLeaf),
    expectDone: ofLeaf('provisioned', 2),
  },
  'a leaf is renewed': {
    prepare: async (owner) => {
      const site = await provisionedSite(owner);
      await sql(`update nats_leaf_servers set cert_expires_at = now() + interval '20 days' where edge_site_id = ? returning id`, site.id);
      return site;
    },
    attempt: inTurn(leafGeneration, ({ id }, owner) => get(LeafGenerations).renew(systemCaller('renewal', owner.id), id), provisionLeaf),
    expectDone: ofLeaf('provisioned', 2),
  },
  'the next generation of a leaf connects': {
    prepare: async (owner) => {
      const site = await provisionedSite(owner);
      await ok(owner.api.post(`/admin/edge-sites/${site.id}/leaf-server/regenerate`));
      await provisionLeaf(site, owner);
      return site;
    },
    attempt: ({ id: edgeSiteId }, { id: tenantId }) =>
      get(LeafPresence).connected({ tenantId, edgeSiteId, generation: 2, linkId: 'hub:2', at: new Date() }),
    expectDone: async ({ id }, owner) => {
      await ofLeaf('connected', 2)({ id }, owner);
      const live = `select generation from certificates where edge_site_id = ? and status = 'issued' union all
                    select generation from nats_users where edge_site_id = ? and status = 'issued'`;
      expect((await sql<{ generation: number }>(live, id, id)).map(({ generation }) => generation)).toEqual([2, 2, 2, 2]);
    },
  },
  'a collector is provisioned': { prepare: createCollector, attempt: provisionCollector, expectDone: ofCollector(1) },
  'a collector is renewed': {
    prepare: async (owner) => {
      const collector = await readyCollector(owner);
      await sql(`update collector_packages set cert_expires_at = now() + interval '20 days' where id = ? returning id`, collector.id);
      return collector;
    },
    attempt: inTurn(collectorGeneration, ({ id }, owner) => get(CollectorGenerations).renewExpiring(systemCaller('renewal', owner.id), id), provisionCollector),
    expectDone: ofCollector(2),
  },
  'an onboarding package is issued': {
    prepare: createSite,
    attempt: ({ id }, { api }) => ok(api.post('/admin/edge-packages', { ...agent, edge_site_id: id })),
    expectDone: async ({ id }, owner) => {
      const { data } = await ok(owner.api.get<{ data: { status: string }[] }>(`/admin/edge-packages?edge_site_id=${id}`));
      expect(data.map(({ status }) => status)).toEqual(['issued']);
    },
  },
  'a person is given a NATS user': {
    prepare: (owner) => Promise.resolve(owner),
    attempt: ({ id }) =>
      get(TenantCredentials).createForPerson(systemCaller('people', id), { name: 'x', publish: ['logs.syslog'], subscribe: [], expiresIn: 3600 }),
    expectDone: async ({ id }) => {
      const issued = await sql(`select id from nats_users where tenant_id = ? and purpose = 'person' and status = 'issued'`, id);
      expect(issued).toHaveLength(1);
    },
  },
  'a tenant is created': {
    prepare: () => Promise.resolve({ id: `tenant-${++tenants}` }),
    attempt: ({ id: slug }) => ok(app.admin.post('/admin/tenants', { name: 'Tenant', slug })),
    expectDone: async ({ id: slug }) => {
      const { id } = await ok(app.admin.get<TenantDto>(`/admin/tenants/${slug}`));
      const owner = { id, api: await app.keyOf(slug, 'admin') };
      await provisionedSite(owner);
      expect(await wrongsOf(app, get(KeyRing), id)).toEqual([]);
    },
  },
  'the CA of a tenant rolls over': {
    prepare: provisionedSite,
    attempt: async (_site, { api }) => {
      const path = '/admin/pki/authorities';
      const cas = async () => new Map((await ok(api.get<{ data: TenantCaDto[] }>(path))).data.map((ca) => [ca.status, ca.id]));
      if ((await cas()).size === 1) await ok(api.post(path));
      const next = (await cas()).get('next');
      if (next !== undefined) await ok(api.post(`${path}/${next}/activate`, { force: true }));
    },
    expectDone: async (site, owner) => {
      const { data } = await ok(owner.api.get<{ data: TenantCaDto[] }>('/admin/pki/authorities'));
      expect(data.map(({ status }) => status)).toEqual(['active', 'retiring']);
      expect(await get(LeafGenerations).renew(systemCaller('ca-roll-over', owner.id), site.id)).toBe(true);
      await provisionLeaf(site, owner);
      const [signed] = await sql<{ ca: string }>('select ca_id as ca from nats_leaf_servers where edge_site_id = ?', site.id);
      expect(signed!.ca).toBe(data[0]!.id);
    },
  },
};

let tenants = 0;

/** Does it once for each of its writes, which fails, and then again; each time for another tenant. @returns how many there are */
async function failEachWrite({ prepare, attempt, expectDone }: Issuance<{ id: string }>, moment: Moment): Promise<number> {
  for (let nth = 1; ; nth++) {
    const owner = await app.tenant(`T ${++tenants}`);
    const thing = await prepare(owner);
    await writes.fail(moment, nth);
    const failed = await attempt(thing, owner).then(
      () => false,
      () => true,
    );
    const struck = await writes.stop();
    expect([nth, failed]).toEqual([nth, struck]);
    expect(await wrongsOf(app, get(KeyRing), owner.id)).toEqual([]);
    if (failed) await attempt(thing, owner);
    await expectDone(thing, owner);
    expect([nth, await wrongsOf(app, get(KeyRing), owner.id)]).toEqual([nth, []]);
    if (!struck) return nth - 1;
  }
}

describe.each(Object.entries(ISSUANCES))('when %s', (_what, issuance) => {
  it.each<Moment>(['statement', 'commit'])('and each %s that writes fails in its turn, the next attempt makes up for it', async (moment) => {
    expect(await failEachWrite(issuance, moment)).toBeGreaterThan(0);
  });
});

describe('all that was signed', () => {
  it('was on record before', () => expect(unrecorded).toEqual([]));

  it('is held against the record', async () => {
    const owner = await app.tenant(`T ${++tenants}`);
    const site = await provisionedSite(owner);
    const collector = await readyCollector(owner);
    const changed = async (table: string, from: string, to: string, where: string, id: string) => {
      await sql(`update ${table} set status = '${to}' where status = '${from}' and ${where} = ? returning id`, id);
      const wrongs = await wrongsOf(app, get(KeyRing), owner.id);
      await sql(`update ${table} set status = '${from}' where status = '${to}' and ${where} = ? returning id`, id);
      return wrongs;
    };
    expect(await changed('certificates', 'issued', 'abandoned', 'edge_site_id', site.id)).toEqual([expect.stringMatching(/has the certificates \w+,\w+, on record are $/)]);
    expect(await changed('nats_users', 'issued', 'intended', 'collector_package_id', collector.id)).toEqual([expect.stringMatching(/has the users U\w+, on record are $/)]);
    expect(await changed('tenant_cas', 'active', 'retired', 'tenant_id', owner.id)).toEqual(['there are 1 tenants without an active CA']);
  });

  it('and given to nobody is closed in the end', async () => {
    const open = () => sql(`select id from certificates where status = 'intended' union all select id from nats_users where status = 'intended'`);
    expect(await open()).not.toEqual([]);
    for (const table of ['certificates', 'nats_users']) {
      await sql(`update ${table} set created_at = now() - interval '1 hour' where status = 'intended' returning id`);
    }
    const sweep = await app.service.app.select(EdgeSitesModule).get(ModuleRef, { strict: true }).create(IntentSweep);
    await sweep.run();
    expect(await open()).toEqual([]);
  });
});
