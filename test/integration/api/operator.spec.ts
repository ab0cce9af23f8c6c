import type { NatsOperatorDto } from '../../../src/nats/dto/nats-operator.dto.js';
import type { Api } from '../../../lab/api.js';
import { ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Problem {
  code: string;
  detail: string;
}

const PATH = '/admin/nats/operator';
const KEYS = `${PATH}/signing-keys`;

/** With a hub that is away. */
let app: TestApp;
let acme: { id: string; slug: string; api: Api };
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,worker' });
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const state = () => ok(app.admin.get<NatsOperatorDto>(PATH));
const idOf = async (status: string) => (await state()).signing_keys.find((key) => key.status === status)!.id;
const statuses = async () => (await state()).signing_keys.map(({ status }) => status);

describe('the operator', () => {
  it('has one signing key at first, and asks for nothing', async () => {
    expect(await state()).toMatchObject({
      jwt_revision: 1,
      signing_keys: [{ status: 'active', known_to_hub: null, retired_at: null }],
      sites_behind: 0,
      next_step: null,
    });
  });

  it('is read and changed by platform admins only, whatever tenant they name', async () => {
    for (const api of [acme.api, await app.keyOf(acme.slug, 'operator'), await app.keyOf(acme.slug, 'viewer')]) {
      expect((await api.get(PATH)).status).toBe(403);
      for (const path of [KEYS, `${KEYS}/${acme.id}/activate`, `${KEYS}/${acme.id}/retire`]) expect((await api.post(path)).status).toBe(403);
    }
    expect((await app.admin.as({ ...app.admin.credentials, tenant: acme.slug }).get(PATH)).status).toBe(200);
  });

  it('has no key of an id that is nobody’s', async () => {
    for (const step of ['activate', 'retire']) expect((await app.admin.post(`${KEYS}/${acme.id}/${step}`)).status).toBe(404);
  });

  it('neither activates nor retires the key that signs', async () => {
    const active = await idOf('active');
    for (const step of ['activate', 'retire']) {
      const { status, body } = await app.admin.post<Problem>(`${KEYS}/${active}/${step}`, { force: true });
      expect([status, body.code]).toEqual([409, 'illegal_transition']);
    }
  });
});

describe('a rotation', () => {
  it('is begun once, by two at the same time as well', async () => {
    const answers = await Promise.all([app.admin.post<Problem>(KEYS), app.admin.post<Problem>(KEYS)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'conflict', detail: expect.stringContaining('is next') });
    expect(await statuses()).toEqual(['next', 'active']);
    expect((await state()).jwt_revision).toBe(2);
  });

  it('can be given up before the key has signed', async () => {
    await ok(app.admin.post(`${KEYS}/${await idOf('next')}/retire`));
    expect(await statuses()).toEqual(['retired', 'active']);
    await ok(app.admin.post(KEYS));
  });

  it('does not let the key sign while the hub does not know it, unless forced', async () => {
    const id = await idOf('next');
    const { status, body } = await app.admin.post<Problem>(`${KEYS}/${id}/activate`);
    expect([status, body.code]).toEqual([409, 'conflict']);
    expect(body.detail).toMatch(/The hub does not know the key yet\..*With force/);
    expect((await app.admin.post(`${KEYS}/${id}/activate`, { force: 'yes' })).status).toBe(422);

    const forced = await ok(app.admin.post<NatsOperatorDto>(`${KEYS}/${id}/activate`, { force: true }));
    expect(forced.signing_keys.map(({ status }) => status)).toEqual(['active', 'retired', 'retiring']);
  });

  it('signs the accounts anew, and keeps the old key until the hub has them, unless forced', async () => {
    await until('the accounts are signed anew', async () => (await state()).accounts_to_sign === 0);
    const id = await idOf('retiring');
    const { status, body } = await app.admin.post<Problem>(`${KEYS}/${id}/retire`);
    expect([status, body.code]).toEqual([409, 'conflict']);
    expect(body.detail).toMatch(/The hub has not confirmed 1 of the accounts/);

    await ok(app.admin.post(`${KEYS}/${id}/retire`, { force: true }));
    expect(await statuses()).toEqual(['active', 'retired', 'retired']);
  });

  it('leaves no seed of a retired key', async () => {
    const em = app.database.database.em('platform');
    const kept = await em.execute<{ status: string }[]>('select status from nats_operator_keys where seed_ciphertext is not null');
    expect(kept).toEqual([{ status: 'active' }]);
    expect(await em.execute('select signing_key, signing_seed_ciphertext from nats_operators')).toEqual([
      { signing_key: null, signing_seed_ciphertext: null },
    ]);
  });

  it('is on the audit trail of the platform, and no tenant’s', async () => {
    const { data } = await ok(app.admin.get<{ data: { action: string; detail: Record<string, unknown> }[] }>('/admin/audit-events'));
    const deeds = data.filter(({ action }) => action.startsWith('nats_operator_key.'));
    expect(deeds.map(({ action }) => action.split('.')[1]).reverse()).toEqual(['create', 'retire', 'create', 'activate', 'retire']);
    expect(deeds.at(1)!.detail).toMatchObject({ forced: true, public_key: expect.stringMatching(/^O/) });
    expect(JSON.stringify(await ok(acme.api.get('/admin/audit-events')))).not.toContain('nats_operator_key');
  });

  it('leaves the control plane able to make tenants', async () => {
    await app.tenant('Globex');
    expect((await state()).accounts_to_sign).toBe(0);
  });
});
