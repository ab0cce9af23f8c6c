import { ModuleRef } from '@nestjs/core';
import { type Api, ok } from '../../../lab/api.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { EdgeSitesModule } from '../../../src/edge-sites/index.js';
import { CredentialService } from '../../../src/nats/index.js';
import { CertificateService } from '../../../src/pki/index.js';
import { LeafProvisioner } from '../../../src/provisioning/leaf-provisioner.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { die, failing, nextCall, type Work } from '../../support/faults.js';
import { unpack } from '../../support/unpack.js';

/** Runs are made by hand: no worker is there to make its own. */
let app: TestApp;
let provisioner: LeafProvisioner;
let acme: { id: string; api: Api };

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
  provisioner = await app.service.app.select(EdgeSitesModule).get(ModuleRef, { strict: true }).create(LeafProvisioner);
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const sql = <T>(statement: string, ...values: unknown[]) => app.database.database.em('platform').execute<T[]>(statement, values);

let sites = 0;
const newSite = () => ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Site ${++sites}` }));
const siteNow = ({ id }: EdgeSiteDto) => ok(acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`));
const run = ({ leaf_server: { id, generation } }: EdgeSiteDto) => provisioner.provision(acme.id, [{ leafId: id, generation }]);

/** What was signed for a site, or was going to be: `<what> g<generation> <status>`, sorted, each counted. */
async function onRecord({ id }: EdgeSiteDto): Promise<Record<string, number>> {
  const rows = await sql<{ entry: string; count: number }>(
    `select what || ' g' || generation || ' ' || status as entry, count(*)::int as count
     from (select kind as what, generation, status from certificates where edge_site_id = ?
           union all select purpose || ' user', generation, status from nats_users where edge_site_id = ?) as made
     group by 1 order by 1`,
    id,
    id,
  );
  return Object.fromEntries(rows.map(({ entry, count }) => [entry, count]));
}

const issued = (generation: number) => ({
  [`leaf g${generation} issued`]: 1,
  [`leaf_listener g${generation} issued`]: 1,
  [`leaf user g${generation} issued`]: 1,
  [`leaf_control user g${generation} issued`]: 1,
});
const abandoned = (generation: number, count = 1) => ({
  [`leaf g${generation} abandoned`]: count,
  [`leaf_listener g${generation} abandoned`]: count,
  [`leaf user g${generation} abandoned`]: count,
  [`leaf_control user g${generation} abandoned`]: count,
});

const beforeSigning = (before: Work) => nextCall(app.service.app.get(CertificateService, { strict: false }), 'signAll', { before });
const afterSigning = (after: Work) => nextCall(app.service.app.get(CredentialService, { strict: false }), 'signAll', { after });

describe('provisioning', () => {
  it('that is run twice makes one generation once', async () => {
    const site = await newSite();
    expect(await run(site)).toEqual(new Set([site.leaf_server.id]));
    const { leaf_server } = await siteNow(site);
    expect(await run(site)).toEqual(new Set());
    expect(await onRecord(site)).toEqual(issued(1));
    expect((await siteNow(site)).leaf_server).toEqual(leaf_server);
  });

  it('that is run by four at once makes one generation once', async () => {
    const site = await newSite();
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => run(site)));
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.size === 1);
    expect(won).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict', retryable: true });
    }
    const record = await onRecord(site);
    expect(record).toMatchObject(issued(1));
    expect(Object.keys(record).filter((entry) => entry.includes('intended'))).toEqual([]);
  });

  it('keeps nothing of a run that another overtook', async () => {
    const site = await newSite();
    afterSigning(async () => expect((await run(site)).size).toBe(1));
    expect(await run(site)).toEqual(new Set());
    expect(await onRecord(site)).toEqual({ ...issued(1), ...abandoned(1) });
  });
});

describe('a run that fails', () => {
  const inDatabase = (trigger: string) => (site: EdgeSiteDto) => failing(app.database.ownerUrl, trigger, () => expect(run(site)).rejects.toThrow('injected'));
  const inProcess = (hook: (work: Work) => void) => async (site: EdgeSiteDto) => {
    hook(die);
    await expect(run(site)).rejects.toThrow('injected');
  };

  it.each([
    ['while it puts on record what it will sign', inDatabase('trigger t before insert on nats_users for each row'), {}],
    ['before it has signed anything', inProcess(beforeSigning), abandoned(1)],
    ['after it has signed all', inProcess(afterSigning), abandoned(1)],
    [
      'when it keeps the certificates',
      inDatabase(`trigger t before update on certificates for each row when (new.status = 'issued')`),
      abandoned(1),
    ],
    ['when it keeps the user', inDatabase(`trigger t before update on nats_users for each row when (new.status = 'issued')`), abandoned(1)],
    [
      'when it keeps the leaf',
      inDatabase(`trigger t before update on nats_leaf_servers for each row when (new.status = 'provisioned')`),
      abandoned(1),
    ],
    ['when it writes the audit row', inDatabase('trigger t before insert on audit_events for each row'), abandoned(1)],
    [
      'at its last commit',
      inDatabase(`constraint trigger t after update on nats_leaf_servers deferrable initially deferred for each row when (new.status = 'provisioned')`),
      abandoned(1),
    ],
  ])('%s keeps nothing, and the next makes up for it', async (_when, fail, left) => {
    const site = await newSite();
    await fail(site);
    expect(Object.keys(await onRecord(site)).filter((entry) => !entry.endsWith('intended'))).toEqual([]);
    expect((await siteNow(site)).leaf_server).toMatchObject({ status: 'pending', config_checksum: null, last_error: null });

    expect((await run(site)).size).toBe(1);
    expect(await onRecord(site)).toEqual({ ...issued(1), ...left });
    expect((await siteNow(site)).leaf_server).toMatchObject({ status: 'provisioned', generation: 1 });
    expect((await acme.api.get(`/admin/edge-sites/${site.id}/bundle`)).status).toBe(200);
  });
});

describe('a run during which', () => {
  /** It may notice early, and then asks to be run again; or in the end, and then has nothing to keep. */
  const keepsNothing = async (site: EdgeSiteDto) => {
    const outcome = await run(site).catch((error: unknown) => error);
    if (outcome instanceof Set) expect(outcome.size).toBe(0);
    else expect(outcome).toMatchObject({ code: 'conflict', retryable: true });
  };

  const moments: [string, typeof beforeSigning][] = [
    ['before it signs', beforeSigning],
    ['after it signed', afterSigning],
  ];

  it.each(moments)('the site is changed keeps nothing of the old generation (%s)', async (_when, moment) => {
    const site = await newSite();
    moment(() => ok(acme.api.patch(`/admin/edge-sites/${site.id}`, { local_listen: '0.0.0.0:5222' })));
    await keepsNothing(site);
    const changed = await siteNow(site);
    expect(changed.leaf_server).toMatchObject({ status: 'pending', generation: 2, config_checksum: null });

    expect((await run(changed)).size).toBe(1);
    expect(await onRecord(site)).toEqual({ ...issued(2), ...abandoned(1) });
    const files = await unpack(await ok(acme.api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`)));
    expect(files.get(`edge-site-${site.slug}/nats/nats-leaf.conf`)!.text).toContain('5222');
  });

  it.each(moments)('a leaf that had failed is regenerated keeps nothing of the old generation (%s)', async (_when, moment) => {
    const site = await newSite();
    // Pending and not failed, it could not be regenerated.
    await sql(`update nats_leaf_servers set last_error = 'it failed' where edge_site_id = ? returning id`, site.id);
    moment(() => ok(acme.api.post(`/admin/edge-sites/${site.id}/leaf-server/regenerate`)));
    await keepsNothing(site);
    const regenerated = await siteNow(site);
    expect(regenerated.leaf_server).toMatchObject({ status: 'pending', generation: 2 });

    expect((await run(regenerated)).size).toBe(1);
    expect(await onRecord(site)).toEqual({ ...issued(2), ...abandoned(1) });
  });

  it.each(moments)('the site is deleted keeps nothing (%s)', async (_when, moment) => {
    const site = await newSite();
    moment(() => ok(acme.api.delete(`/admin/edge-sites/${site.id}`)));
    await keepsNothing(site);
    expect(await onRecord(site)).toEqual({
      'leaf g1 revoked': 1,
      'leaf_listener g1 revoked': 1,
      'leaf user g1 revoked': 1,
      'leaf_control user g1 revoked': 1,
    });
    expect((await acme.api.get(`/admin/edge-sites/${site.id}`)).status).toBe(404);
    expect(await run(site)).toEqual(new Set());
  });
});
