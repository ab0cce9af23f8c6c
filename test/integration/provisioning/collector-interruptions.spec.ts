import { ModuleRef } from '@nestjs/core';
import type { Job } from 'bullmq';
import { type Api, ok } from '../../../lab/api.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import { CollectorProvisioner } from '../../../src/collectors/collector-provisioner.js';
import type { CollectorJob } from '../../../src/collectors/collector-queue.js';
import { CollectorsProcessor } from '../../../src/collectors/collectors.processor.js';
import type { CollectorPackageDto } from '../../../src/collectors/dto/collector.dto.js';
import { CollectorsModule } from '../../../src/collectors/index.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { CredentialService, PlatformHosts } from '../../../src/nats/index.js';
import { CertificateService } from '../../../src/pki/index.js';
import { Tracing } from '../../../src/platform/tracing/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { die, failing, nextCall, type Work } from '../../support/faults.js';
import { unpack } from '../../support/unpack.js';

/** Runs are made by hand: no worker is there to make its own. */
let app: TestApp;
let provisioner: CollectorProvisioner;
let acme: { id: string; api: Api };

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api', NATS_PUBLIC_URL: 'tls://hub.example.com:4222' });
  provisioner = await app.service.app.select(CollectorsModule).get(ModuleRef, { strict: true }).create(CollectorProvisioner);
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const sql = <T>(statement: string, ...values: unknown[]) => app.database.database.em('platform').execute<T[]>(statement, values);

const newCollector = (more: object = {}) => ok(acme.api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger', ...more }));
const collectorNow = ({ id }: CollectorPackageDto) => ok(acme.api.get<CollectorPackageDto>(`/admin/collectors/${id}`));
const change = ({ id }: CollectorPackageDto, what: 'retry' | 'revoke') => acme.api.post<CollectorPackageDto>(`/admin/collectors/${id}/${what}`);

const job = ({ id }: CollectorPackageDto, attempt = 1): CollectorJob => ({ tenantId: acme.id, packageId: id, attempt });
const run = (collector: CollectorPackageDto, attempt?: number) => provisioner.provision(job(collector, attempt));

/** A run as the worker makes it: what cannot succeed fails for good. */
const process = (collector: CollectorPackageDto, attempt?: number) => {
  const processor = new CollectorsProcessor(provisioner);
  // As Nest does it.
  Object.assign(processor, { tracing: app.service.app.get(Tracing, { strict: false }) });
  const about = { name: 'provision', queueName: 'collectors', attemptsMade: 0, opts: {} };
  return processor.process({ ...about, data: job(collector, attempt) } as Job<CollectorJob>);
};

async function download({ id }: CollectorPackageDto) {
  const { token } = await ok(acme.api.post<DownloadTokenDto>(`/admin/collectors/${id}/download-tokens`));
  return app.admin.as({}).call<Buffer>('POST', `/collectors/${id}/bundle`, { headers: { 'x-serviceradar-download-token': token } });
}

/** What was signed for a package, or was going to be: `<what> <status>`, sorted, each counted. */
async function onRecord({ id }: CollectorPackageDto): Promise<Record<string, number>> {
  const rows = await sql<{ entry: string; count: number }>(
    `select what || ' ' || status as entry, count(*)::int as count
     from (select 'certificate' as what, status from certificates where collector_package_id = ?
           union all select 'user', status from nats_users where collector_package_id = ?) as made
     group by 1 order by 1`,
    id,
    id,
  );
  return Object.fromEntries(rows.map(({ entry, count }) => [entry, count]));
}

const all = (status: string, count = 1) => ({ [`certificate ${status}`]: count, [`user ${status}`]: count });
const issued = all('issued');

const beforeSigning = (before: Work) => nextCall(app.service.app.get(CertificateService, { strict: false }), 'sign', { before });
const afterSigning = (after: Work) => nextCall(app.service.app.get(CredentialService, { strict: false }), 'sign', { after });

const moments: [string, typeof beforeSigning][] = [
  ['before it signs', beforeSigning],
  ['after it signed', afterSigning],
];

/** It may notice early, and then asks to be run again; or in the end, and then has nothing to keep. */
async function keepsNothing(running: Promise<boolean>): Promise<void> {
  const outcome = await running.catch((error: unknown) => error);
  if (typeof outcome === 'boolean') expect(outcome).toBe(false);
  else expect(outcome).toMatchObject({ code: 'conflict', retryable: true });
}

/** While some work is done, the platform keeps a host name for itself that packages may name already. */
async function whileReserved(host: string, work: Work): Promise<void> {
  const hosts = app.service.app.get(PlatformHosts, { strict: false });
  Object.defineProperty(hosts, 'reserved', { configurable: true, value: [host] });
  try {
    await work();
  } finally {
    delete (hosts as { reserved?: unknown }).reserved;
  }
}

describe('provisioning a collector', () => {
  it('that is run twice makes it once', async () => {
    const collector = await newCollector();
    expect(await run(collector)).toBe(true);
    const made = await collectorNow(collector);
    expect(made).toMatchObject({ status: 'ready' });
    expect(await run(collector)).toBe(false);
    expect(await onRecord(collector)).toEqual(issued);
    expect(await collectorNow(collector)).toEqual(made);
  });

  it('that is run by four at once makes it once', async () => {
    const collector = await newCollector();
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => run(collector)));
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value)).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict', retryable: true });
    }
    const record = await onRecord(collector);
    expect(record).toMatchObject(issued);
    expect(Object.keys(record).filter((entry) => entry.includes('intended'))).toEqual([]);
  });

  it('keeps nothing of a run that another overtook', async () => {
    const collector = await newCollector();
    afterSigning(async () => expect(await run(collector)).toBe(true));
    expect(await run(collector)).toBe(false);
    expect(await onRecord(collector)).toEqual({ ...issued, ...all('abandoned') });
  });

  it('of a package that is none does nothing', async () => {
    expect(await provisioner.provision({ tenantId: acme.id, packageId: acme.id, attempt: 1 })).toBe(false);
  });
});

describe('a run that fails', () => {
  const inDatabase = (trigger: string) => (collector: CollectorPackageDto) =>
    failing(app.database.ownerUrl, trigger, () => expect(run(collector)).rejects.toThrow('injected'));
  const inProcess = (hook: (work: Work) => void) => async (collector: CollectorPackageDto) => {
    hook(die);
    await expect(run(collector)).rejects.toThrow('injected');
  };

  it.each([
    ['while it puts on record what it will sign', inDatabase('trigger t before insert on nats_users for each row'), 'pending', {}],
    ['before it has signed anything', inProcess(beforeSigning), 'provisioning', all('abandoned')],
    ['after it has signed all', inProcess(afterSigning), 'provisioning', all('abandoned')],
    [
      'when it keeps the certificate',
      inDatabase(`trigger t before update on certificates for each row when (new.status = 'issued')`),
      'provisioning',
      all('abandoned'),
    ],
    [
      'when it keeps the user',
      inDatabase(`trigger t before update on nats_users for each row when (new.status = 'issued')`),
      'provisioning',
      all('abandoned'),
    ],
    [
      'when it keeps the package',
      inDatabase(`trigger t before update on collector_packages for each row when (new.status = 'ready')`),
      'provisioning',
      all('abandoned'),
    ],
    ['when it writes the audit row', inDatabase('trigger t before insert on audit_events for each row'), 'provisioning', all('abandoned')],
    [
      'at its last commit',
      inDatabase(`constraint trigger t after update on collector_packages deferrable initially deferred for each row when (new.status = 'ready')`),
      'provisioning',
      all('abandoned'),
    ],
  ])('%s keeps nothing, and the next makes up for it', async (_when, fail, status, left) => {
    const collector = await newCollector();
    await fail(collector);
    expect(Object.keys(await onRecord(collector)).filter((entry) => !entry.endsWith('intended'))).toEqual([]);
    expect(await collectorNow(collector)).toMatchObject({ status, provisioned_at: null, last_error: null });
    expect((await download(collector)).status).toBe(409);

    expect(await run(collector)).toBe(true);
    expect(await onRecord(collector)).toEqual({ ...issued, ...left });
    expect(await collectorNow(collector)).toMatchObject({ status: 'ready' });
    expect((await download(collector)).status).toBe(200);
  });
});

describe('a run during which', () => {
  it.each(moments)('the site is deleted makes a collector of the hub’s (%s)', async (when, moment) => {
    const site = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Deleted ${when}`, nats_leaf_url: 'tls://leaf.acme.example:4222' }));
    const collector = await newCollector({ edge_site_id: site.id });
    moment(() => ok(acme.api.delete(`/admin/edge-sites/${site.id}?collectors=detach`)));
    await run(collector).catch((error: unknown) => expect(error).toMatchObject({ retryable: true }));
    // If it asked to be run again.
    await run(collector);

    expect(await onRecord(collector)).toMatchObject(issued);
    expect(await collectorNow(collector)).toMatchObject({ status: 'ready', edge_site_id: null, nats_url: 'tls://hub.example.com:4222' });
    const { status, body } = await download(collector);
    expect(status).toBe(200);
    const files = await unpack(body);
    expect(files.get(`collector-package-${collector.id.slice(0, 8)}/config/flowgger.toml`)!.text).toContain('tls://hub.example.com:4222');
  });

  it.each(moments)('the attempt fails and is retried keeps nothing of the old attempt (%s)', async (_when, moment) => {
    const collector = await newCollector();
    moment(async () => {
      await provisioner.fail(job(collector), 'it failed');
      await ok(change(collector, 'retry'));
    });
    await keepsNothing(run(collector, 1));
    expect(await collectorNow(collector)).toMatchObject({ status: 'pending', last_error: null });
    expect(await run(collector, 1)).toBe(false);

    expect(await run(collector, 2)).toBe(true);
    expect(await onRecord(collector)).toEqual({ ...issued, ...all('abandoned') });
    expect(await collectorNow(collector)).toMatchObject({ status: 'ready' });
  });

  it.each(moments)('another run makes the package, and it is revoked, keeps nothing (%s)', async (_when, moment) => {
    const collector = await newCollector();
    moment(async () => {
      expect(await run(collector)).toBe(true);
      await ok(change(collector, 'revoke'));
    });
    await keepsNothing(run(collector));
    expect(await onRecord(collector)).toEqual({ ...all('revoked'), ...all('abandoned') });
    expect(await collectorNow(collector)).toMatchObject({ status: 'revoked' });
    expect(await run(collector)).toBe(false);
  });
});

describe('a package that cannot be provisioned', () => {
  const HOST = 'syslog.acme.example';

  const failed = async () => {
    const collector = await newCollector({ hostname: HOST });
    await whileReserved(HOST, () => expect(process(collector)).rejects.toThrow('the platform keeps that name for itself'));
    return collector;
  };

  it('fails for good, says why, and has nothing signed', async () => {
    const collector = await failed();
    expect(await collectorNow(collector)).toMatchObject({ status: 'failed', last_error: expect.stringContaining(HOST), provisioned_at: null });
    expect(await onRecord(collector)).toEqual({});
    expect((await download(collector)).status).toBe(409);
    expect((await change(collector, 'revoke')).status).toBe(409);
    await process(collector);
    expect(await collectorNow(collector)).toMatchObject({ status: 'failed' });
  });

  it('is made by another attempt when it is retried, once', async () => {
    const collector = await failed();
    expect(await ok(change(collector, 'retry'))).toMatchObject({ status: 'pending', last_error: null });
    expect((await change(collector, 'retry')).status).toBe(409);
    await process(collector, 1);
    expect(await onRecord(collector)).toEqual({});

    await process(collector, 2);
    expect(await onRecord(collector)).toEqual(issued);
    expect(await collectorNow(collector)).toMatchObject({ status: 'ready' });
    expect((await download(collector)).status).toBe(200);
    expect((await change(collector, 'retry')).status).toBe(409);
  });

  it('fails again while the reason is there', async () => {
    const collector = await failed();
    await ok(change(collector, 'retry'));
    await whileReserved(HOST, () => expect(process(collector, 2)).rejects.toThrow('the platform keeps that name for itself'));
    expect(await collectorNow(collector)).toMatchObject({ status: 'failed', last_error: expect.stringContaining(HOST) });
  });
});
