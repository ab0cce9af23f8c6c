import { DomainError } from '#libs/kernel';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import { CollectorRenewalSweep } from '../../../src/collectors/collector-renewal.sweep.js';
import type { CollectorPackageDto } from '../../../src/collectors/dto/collector.dto.js';
import { CollectorPresence } from '../../../src/collectors/index.js';
import { CertificateService } from '../../../src/pki/index.js';
import { nextCall } from '../../support/faults.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { unpack } from '../../support/unpack.js';

interface Problem {
  code: string;
  detail: string;
}

let app: TestApp;
let acme: { id: string; slug: string; api: Api };

beforeAll(async () => {
  app = await startTestApp({ NATS_PUBLIC_URL: 'tls://hub.example.com:4222' });
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const execute = <T>(sql: string, ...values: unknown[]) => app.database.database.em('platform').execute<T[]>(sql, values);
const sweep = () => app.service.app.get(CollectorRenewalSweep, { strict: false }).run();
const presence = () => app.service.app.get(CollectorPresence, { strict: false });

const now = (id: string) => ok(acme.api.get<CollectorPackageDto>(`/admin/collectors/${id}`));
const post = <T = CollectorPackageDto>(id: string, what: string) => acme.api.post<T>(`/admin/collectors/${id}/${what}`);
const refused = async (id: string, what: string) => {
  const { status, body } = await post<Problem>(id, what);
  return [status, body.code];
};
const provisioned = (id: string, generation: number) =>
  until(`generation ${generation} is provisioned`, async () => {
    const found = await now(id);
    return found.provisioned_generation === generation && found;
  });
const created = async () => {
  const { id } = await ok(acme.api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger' }));
  await provisioned(id, 1);
  return id;
};
const download = async (id: string) => {
  const { token } = await ok(acme.api.post<DownloadTokenDto>(`/admin/collectors/${id}/download-tokens`));
  const headers = { 'x-serviceradar-download-token': token };
  return unpack(await ok(app.admin.as({}).call<Buffer>('POST', `/collectors/${id}/bundle`, { headers })));
};
const end = (id: string, inDays: number) => execute('update collector_packages set cert_expires_at = now() + make_interval(days => ?) where id = ?', inDays, id);

interface Artifact {
  kind: string;
  generation: number | null;
  status: string;
}
/** What was signed for a package: `<what> <generation> <status>`. */
const onRecord = async (id: string) => {
  const rows = await execute<Artifact>(
    `select 'certificate' as kind, generation, status from certificates where collector_package_id = ?
     union all select 'user', generation, status from nats_users where collector_package_id = ? order by generation, kind`,
    id,
    id,
  );
  return rows.map(({ kind, generation, status }) => `${kind} ${generation} ${status}`);
};
const userOf = async (id: string, generation: number) => {
  const sql = `select public_key as key from nats_users where collector_package_id = ? and generation = ? and status = 'issued'`;
  return (await execute<{ key: string }>(sql, id, generation))[0]!.key;
};
const expected = async () => (await presence().expected()).flatMap(({ users }) => users);
const deeds = async (id: string, action: string) => {
  const { data } = await ok(acme.api.get<{ data: AuditEventDto[] }>('/admin/audit-events?limit=100'));
  return data.filter((event) => event.subject_id === id && event.action === action);
};

const BOTH = (generation: number, status: string) => [`certificate ${generation} ${status}`, `user ${generation} ${status}`];

describe('the certificate of a collector', () => {
  it('is left alone while 30 days or more remain', async () => {
    const id = await created();
    await end(id, 31);
    await sweep();
    expect(await now(id)).toMatchObject({ generation: 1, config_outdated: false });
  });

  it('is renewed once when fewer remain, under the name and id that it has', async () => {
    const id = await created();
    const first = await download(id);
    const before = await now(id);
    await end(id, 29);
    await Promise.all([sweep(), sweep()]);
    const renewed = await provisioned(id, 2);
    await sweep();
    expect(renewed).toMatchObject({ generation: 2, downloaded_generation: 1, status: 'downloaded', config_outdated: true, user_name: before.user_name });
    expect(Date.parse(renewed.cert_expires_at!)).toBeGreaterThan(Date.now() + 300 * 86_400_000);
    expect(await deeds(id, 'collector_package.renew')).toEqual([
      expect.objectContaining({ actor: 'system:renewal', detail: expect.objectContaining({ generation: 2, cert_expires_at: expect.any(String) }) }),
    ]);

    const second = await download(id);
    expect([...second.keys()]).toEqual([...first.keys()]);
    const differing = [...first].filter(([path, { text }]) => second.get(path)!.text !== text).map(([path]) => path.replace(/^[^/]*\//, ''));
    expect(differing).toEqual(expect.arrayContaining(['creds/nats.creds', 'certs/collector.pem', 'certs/collector-key.pem']));
    expect(differing.filter((path) => path.startsWith('config/'))).toEqual([]);
    expect(await now(id)).toMatchObject({ downloaded_generation: 2, config_outdated: false });
  });

  it('is not renewed when its CA ends no later, for nothing would be gained', async () => {
    const { api, id: tenantId } = await app.tenant('Ending');
    const { id } = await ok(api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'otel' }));
    const there = () => ok(api.get<CollectorPackageDto>(`/admin/collectors/${id}`));
    await until('it is provisioned', async () => (await there()).status === 'ready');
    await execute(`update tenant_cas set not_after = now() + interval '20 days' where tenant_id = ?`, tenantId);
    await execute('update collector_packages set cert_expires_at = (select not_after from tenant_cas where tenant_id = ?) where id = ?', tenantId, id);
    await sweep();
    expect(await there()).toMatchObject({ generation: 1 });
  });
});

describe('a package that is renewed by hand', () => {
  it('keeps its state, and hands out the generation before while the next one is made', async () => {
    const id = await created();
    const { body, status } = await post(id, 'renew');
    expect([status, body]).toMatchObject([202, { status: 'ready', generation: 2, provisioned_generation: 1 }]);
    expect(await provisioned(id, 2)).toMatchObject({ status: 'ready', config_outdated: false });
    expect(await onRecord(id)).toEqual([...BOTH(1, 'issued'), ...BOTH(2, 'issued')]);
    expect(await deeds(id, 'collector_package.renew')).toMatchObject([{ detail: { generation: 2 } }]);
  });

  it('is not renewed again while that is under way, nor before there is a first generation, nor when it is revoked', async () => {
    const idle = await startTestApp({ ROLES: 'api' });
    try {
      const { api, id: tenantId } = await idle.tenant('Idle');
      const { id } = await ok(api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger' }));
      const renew = async () => (await api.post<Problem>(`/admin/collectors/${id}/renew`)).status;
      expect(await renew()).toBe(409);
      await idle.database.database.em('platform').execute(`update collector_packages set status = 'ready', provisioned_at = now() where tenant_id = ?`, [tenantId]);
      expect(await renew()).toBe(202);
      const again = await api.post<Problem>(`/admin/collectors/${id}/renew`);
      expect([again.status, again.body.detail]).toEqual([409, expect.stringContaining('Generation 2')]);
      expect((await api.post<Problem>(`/admin/collectors/${id}/revoke-previous`)).body.code).toBe('not_provisioned');
    } finally {
      await idle.close();
    }
    const gone = await created();
    await ok(post(gone, 'revoke'));
    expect(await refused(gone, 'renew')).toEqual([409, 'illegal_transition']);
    expect(await refused(gone, 'revoke-previous')).toEqual([409, 'illegal_transition']);
  });

  it('says why the next generation cannot be made, goes on with the one before, and can be renewed again', async () => {
    const id = await created();
    await download(id);
    nextCall(app.service.app.get(CertificateService, { strict: false }), 'sign', { before: () => Promise.reject(new DomainError('profile_violation', 'Not like this.')) });
    await ok(post(id, 'renew'));
    await until('it failed', async () => (await now(id)).last_error !== null);
    expect(await now(id)).toMatchObject({ status: 'downloaded', generation: 2, provisioned_generation: 1, last_error: 'Not like this.' });
    expect(await refused(id, 'revoke-previous')).toEqual([409, 'not_provisioned']);
    await download(id);
    await ok(post(id, 'renew'));
    expect(await provisioned(id, 3)).toMatchObject({ last_error: null, config_outdated: true });
  });

  it('keeps nothing of a run that it overtook', async () => {
    const id = await created();
    nextCall(app.service.app.get(CertificateService, { strict: false }), 'sign', { after: async () => void (await ok(post(id, 'revoke'))) });
    await ok(post(id, 'renew'));
    await until('it is revoked', async () => (await now(id)).status === 'revoked');
    expect((await onRecord(id)).filter((entry) => / issued$/.test(entry))).toEqual([]);
    expect(await now(id)).toMatchObject({ provisioned_generation: 1 });
  });

  it('is renewed by administrators only, and by nobody of another tenant', async () => {
    const id = await created();
    for (const what of ['renew', 'revoke-previous']) {
      for (const role of ['viewer', 'operator']) {
        expect([what, role, (await (await app.keyOf(acme.slug, role)).post(`/admin/collectors/${id}/${what}`)).status]).toEqual([what, role, 403]);
      }
      const { api } = await app.tenant(`Foreign ${what}`);
      expect((await api.post(`/admin/collectors/${id}/${what}`)).status).toBe(404);
    }
    expect(await now(id)).toMatchObject({ generation: 1 });
  });
});

describe('the generation before', () => {
  it('is good until the collector was seen with the next one', async () => {
    const id = await created();
    await download(id);
    const [first] = [await userOf(id, 1)];
    expect(await expected()).toContain(first);
    await presence().seen(acme.id, [first]);
    expect(await now(id)).toMatchObject({ status: 'installed', installed_generation: 1 });
    expect(await expected()).not.toContain(first);

    await ok(post(id, 'renew'));
    await provisioned(id, 2);
    const second = await userOf(id, 2);
    expect(await expected()).not.toContain(second);
    await download(id);
    expect(await expected()).toContain(second);
    await presence().seen(acme.id, [first]);
    expect(await onRecord(id)).toEqual([...BOTH(1, 'issued'), ...BOTH(2, 'issued')]);

    const { installed_at: since } = await now(id);
    await presence().seen(acme.id, [first, second]);
    await presence().seen(acme.id, [second]);
    expect(await now(id)).toMatchObject({ status: 'installed', installed_generation: 2, installed_at: since });
    expect(await onRecord(id)).toEqual([...BOTH(1, 'revoked'), ...BOTH(2, 'issued')]);
    expect(await deeds(id, 'collector_package.install')).toMatchObject([{ detail: { generation: 2 } }, { detail: { generation: 1 } }]);
    expect(await expected()).not.toContain(second);
  });

  it('is seen at work after the next one was downloaded as well', async () => {
    const id = await created();
    await download(id);
    await ok(post(id, 'renew'));
    await provisioned(id, 2);
    await download(id);
    await presence().seen(acme.id, [await userOf(id, 1)]);
    expect(await now(id)).toMatchObject({ status: 'installed', installed_generation: 1 });
    expect(await expected()).toContain(await userOf(id, 2));
  });

  it('is revoked at once by revoke-previous, and there is nothing more to revoke then', async () => {
    const id = await created();
    expect(await refused(id, 'revoke-previous')).toEqual([409, 'conflict']);
    await ok(post(id, 'renew'));
    await provisioned(id, 2);
    expect((await post(id, 'revoke-previous')).status).toBe(200);
    expect(await onRecord(id)).toEqual([...BOTH(1, 'revoked'), ...BOTH(2, 'issued')]);
    expect(await refused(id, 'revoke-previous')).toEqual([409, 'conflict']);
    expect(await deeds(id, 'collector_package.revoke_previous')).toMatchObject([{ detail: { before_generation: 2 } }]);
  });

  it('is revoked as well where it was made before there were generations', async () => {
    const id = await created();
    await execute('update certificates set generation = null where collector_package_id = ?', id);
    await execute('update nats_users set generation = null where collector_package_id = ?', id);
    await ok(post(id, 'renew'));
    await provisioned(id, 2);
    await ok(post(id, 'revoke-previous'));
    expect((await onRecord(id)).sort()).toEqual(['certificate 2 issued', 'certificate null revoked', 'user 2 issued', 'user null revoked']);
  });
});
