import { type Api, ok } from '../../../lab/api.js';
import type { SigningKeyDto } from '../../../src/signing-keys/dto/signing-key.dto.js';
import { SigningKeySweep } from '../../../src/signing-keys/signing-keys.sweep.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { CreatedNatsCredentialDto } from '../../../src/nats/dto/nats.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Problem {
  code: string;
  detail: string;
}

let app: TestApp;
let acme: { id: string; slug: string; api: Api };

/** The hub is away: what it confirms is said by hand. */
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,worker' });
});
afterAll(() => app.close());
beforeEach(async () => {
  acme = await app.tenant(`Acme ${++tenants}`);
});
let tenants = 0;

const sql = (statement: string, ...values: unknown[]) => app.database.database.em('platform').execute(statement, values);
const keys = async (api = acme.api) => (await ok(api.get<{ data: SigningKeyDto[] }>('/admin/nats/signing-keys'))).data;
const states = async () => (await keys()).map(({ account, status, live_users: users }) => `${account} ${status} ${users}`);
const rotate = (api = acme.api) => api.post<Problem>('/admin/nats/signing-keys/rotate');
const retire = (id: string, body?: object, api = acme.api) => api.post<Problem>(`/admin/nats/signing-keys/${id}/retire`, body);
const sweep = () => app.service.app.get(SigningKeySweep, { strict: false }).run();
const confirm = () => sql('update nats_accounts set pushed_revision = jwt_revision, pushed_at = now() where tenant_id = ?', acme.id);
const person = () => ok(acme.api.post<CreatedNatsCredentialDto>('/admin/nats/credentials', { name: 'x', publish: ['logs.syslog'], expires_in: 3600 }));

describe('the signing keys of a tenant', () => {
  it('go from next to active when the hub has confirmed them, and out of use when they have signed nobody who is good', async () => {
    expect(await states()).toEqual(['tenant active 0']);
    const { id } = await person();
    expect(await states()).toEqual(['tenant active 1']);
    const [first] = await keys();

    expect((await rotate()).status).toBe(202);
    await sweep();
    expect(await states()).toEqual(['tenant next 0', 'tenant active 1']);
    await confirm();
    await sweep();
    expect(await states()).toEqual(['tenant active 0', 'tenant retiring 1']);
    await person();
    expect(await states()).toEqual(['tenant active 1', 'tenant retiring 1']);

    await ok(acme.api.post(`/admin/nats/credentials/${id}/revoke`));
    await sweep();
    expect(await states()).toEqual(['tenant active 1', 'tenant retired 0']);
    const { data } = await ok(acme.api.get<{ data: AuditEventDto[] }>('/admin/audit-events?limit=100'));
    expect(data.filter(({ subject_type }) => subject_type === 'nats_signing_key').map(({ action, actor }) => [action, actor.split(':')[0]])).toEqual([
      ['nats_signing_key.retire', 'system'],
      ['nats_signing_key.activate', 'system'],
      ['nats_signing_key.rotate', expect.not.stringMatching(/^system/)],
    ]);
    expect(data.find(({ action }) => action === 'nats_signing_key.retire')).toMatchObject({ subject_id: first!.id, detail: { public_key: first!.public_key } });
  });

  it('are rotated once at a time', async () => {
    await person();
    const answers = await Promise.all([rotate(), rotate()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    await confirm();
    await sweep();
    const again = await rotate();
    expect([again.status, again.body.code]).toEqual([409, 'conflict']);
  });

  it('are retired in order, and by force only while somebody uses them', async () => {
    await person();
    await rotate();
    const [next, active] = await keys();
    for (const { id } of [next!, active!]) {
      const refused = await retire(id);
      expect([refused.status, refused.body.code]).toEqual([409, 'illegal_transition']);
    }
    await confirm();
    await sweep();
    const inUse = await retire(active!.id);
    expect([inUse.status, inUse.body.code]).toEqual([409, 'signing_key_in_use']);
    expect(inUse.body.detail).toContain('1 of purpose person');
    expect((await retire(active!.id, { force: 'yes' })).status).toBe(422);
    expect((await retire(active!.id, { force: true })).body).toMatchObject({ status: 'retired', live_users: 0 });
    const { data } = await ok(acme.api.get<{ data: { status: string }[] }>('/admin/nats/credentials'));
    expect(data.map(({ status }) => status)).toEqual(['revoked']);
    expect((await rotate()).status).toBe(202);
  });

  it('are changed by administrators only, and seen by nobody of another tenant', async () => {
    const [key] = await keys();
    for (const role of ['viewer', 'operator']) {
      const api = await app.keyOf(acme.slug, role);
      expect(await keys(api)).toEqual([key]);
      expect([role, (await rotate(api)).status, (await retire(key!.id, {}, api)).status]).toEqual([role, 403, 403]);
    }
    const globex = await app.tenant(`Globex ${tenants}`);
    expect((await keys(globex.api)).map(({ id }) => id)).not.toContain(key!.id);
    expect((await retire(key!.id, { force: true }, globex.api)).status).toBe(404);
    expect(await states()).toEqual(['tenant active 0']);
  });

  it('are not shown with their seeds', async () => {
    await rotate();
    const shown = JSON.stringify(await keys());
    expect(shown).not.toMatch(/seed|"SA/);
  });
});
