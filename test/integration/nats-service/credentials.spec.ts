import { newId, systemClock, systemRandom } from '#libs/kernel';
import { NatsUser } from '#libs/model';
import { decodeUser } from '#libs/nats';
import type { Api } from '../../../lab/api.js';
import { CredentialService } from '../../../src/nats/index.js';
import type { CreatedNatsCredentialDto, NatsCredentialDto } from '../../../src/nats/dto/nats.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

const ASKED = { name: 'press shop', publish: ['logs.syslog'], subscribe: ['logs.>'], expires_in: 3600 };
const CREDENTIALS = '/admin/nats/credentials';

describe('the credentials of short-lived NATS users', () => {
  let app: TestApp;
  let tenant: Awaited<ReturnType<TestApp['tenant']>>;
  let api: Api;

  const create = (asked: object = ASKED) => api.post<CreatedNatsCredentialDto>(CREDENTIALS, asked);
  const jwtOf = (creds: string) => decodeUser(/-----BEGIN NATS USER JWT-----\n(.+)\n/.exec(creds)![1]!);
  const pointers = async (asked: object) => {
    const { status, body } = await api.post<{ errors: { pointer: string; code: string }[] }>(CREDENTIALS, asked);
    return { status, errors: body.errors.map(({ pointer, code }) => [pointer, code]) };
  };

  beforeAll(async () => {
    app = await startTestApp({ ROLES: 'api' });
    tenant = await app.tenant('Acme');
    api = tenant.api;
  });

  afterAll(() => app.close());

  it('allow what was asked for, and reading it from the stream', async () => {
    const { status, body } = await create();
    expect(status).toBe(201);
    const { nats, sub } = jwtOf(body.creds);
    expect(sub).toBe(body.public_key);
    expect(nats.allowed_connection_types).toEqual(['STANDARD']);
    expect(nats.pub.allow).toEqual(expect.arrayContaining(['logs.syslog', '$JS.API.CONSUMER.CREATE.events.*.logs.>']));
    expect(nats.sub.allow).toEqual(['logs.>', '_INBOX.>']);
    expect(nats.pub.allow).toEqual(body.publish);
  });

  it('expire when they were asked to', async () => {
    const { body } = await create();
    const expiresAt = Date.parse(body.expires_at!);
    expect(expiresAt - Date.parse(body.created_at)).toBeGreaterThan(3_540_000);
    expect(expiresAt - Date.parse(body.created_at)).toBeLessThanOrEqual(3_600_000);
    expect((jwtOf(body.creds) as { exp?: number }).exp).toBe(Math.floor(expiresAt / 1000));
  });

  it('are shown once', async () => {
    const { body } = await create();
    const { body: list } = await api.get<{ data: NatsCredentialDto[] }>(CREDENTIALS);
    expect(list.data[0]).toMatchObject({ id: body.id, status: 'issued', purpose: 'person' });
    expect(JSON.stringify(list)).not.toContain('NATS USER');
  });

  it('are listed newest first, page by page', async () => {
    const ids: string[] = [];
    for (let number = 0; number < 3; number++) ids.unshift((await create()).body.id);
    const first = (await api.get<{ data: NatsCredentialDto[]; next_cursor: string }>(`${CREDENTIALS}?limit=2`)).body;
    const next = (await api.get<{ data: NatsCredentialDto[] }>(`${CREDENTIALS}?limit=1&cursor=${first.next_cursor}`)).body;
    expect([...first.data, ...next.data].map(({ id }) => id)).toEqual(ids);
  });

  it.each([
    ['a reserved subject', { publish: ['$SYS.REQ.>'] }, [['/publish/0', 'reserved_subject']]],
    ['the JetStream API', { publish: ['logs.x', '$JS.API.>'] }, [['/publish/1', 'reserved_subject']]],
    ['everything', { subscribe: ['>'] }, [['/subscribe/0', 'reserved_subject']]],
    ['others’ inboxes', { subscribe: ['_INBOX.>'] }, [['/subscribe/0', 'reserved_subject']]],
    ['no subject at all', { publish: ['a..b'], subscribe: ['a b'] }, [['/publish/0', 'invalid_subject'], ['/subscribe/0', 'invalid_subject']]],
  ])('are refused for %s, naming where it was asked for', async (_what, asked, errors) => {
    expect(await pointers({ ...ASKED, ...asked })).toEqual({ status: 422, errors });
  });

  it.each([0, 86_401, 1.5, '60'])('are refused for a lifetime of %p seconds', async (expires_in) => {
    const { status, errors } = await pointers({ ...ASKED, expires_in });
    expect(status).toBe(422);
    expect(errors.map(([pointer]) => pointer)).toContain('/expires_in');
  });

  it('are refused for what nobody knows, all of it at once', async () => {
    const { status, errors } = await pointers({ ...ASKED, name: 'two\nlines', account: 'other' });
    expect(status).toBe(422);
    expect(errors.map(([pointer]) => pointer).sort()).toEqual(['/account', '/name']);
  });

  it('can be revoked, once', async () => {
    const { body } = await create();
    const revoked = await api.post<NatsCredentialDto>(`${CREDENTIALS}/${body.id}/revoke`);
    expect(revoked).toMatchObject({ status: 200, body: { status: 'revoked', revoked_at: expect.any(String) } });
    expect(await api.post(`${CREDENTIALS}/${body.id}/revoke`)).toMatchObject({ status: 409, body: { code: 'illegal_transition' } });
    const account = await api.get<{ revoked_users: number; pushed: boolean }>('/admin/nats/account');
    expect(account.body).toMatchObject({ revoked_users: 1, pushed: false });
  });

  it('of another tenant are not there', async () => {
    const { body } = await create();
    const other = await app.tenant('Other');
    expect(await other.api.post(`${CREDENTIALS}/${body.id}/revoke`)).toMatchObject({ status: 404 });
    expect((await other.api.get<{ data: unknown[] }>(CREDENTIALS)).body.data).toEqual([]);
  });

  it('cannot be made by who may only look', async () => {
    const viewer = await app.keyOf(tenant.slug, 'viewer');
    expect(await viewer.post(CREDENTIALS, ASKED)).toMatchObject({ status: 403 });
  });

  describe('of a leaf', () => {
    let credentials: CredentialService;
    const scope = () => ({ tenantId: tenant.id });
    const intend = () =>
      app.database.database.transaction(scope(), (em) =>
        credentials.intendLeafUser(em, {
          tenantId: tenant.id,
          edgeSiteId: siteId,
          siteSlug: 'new-york',
          jetstreamDomain: 'edge',
          generation: 1,
          expiresAt: new Date(Date.now() + 3_600_000),
        }),
      );
    let siteId: string;

    beforeAll(async () => {
      credentials = app.service.app.get(CredentialService, { strict: false });
      siteId = (await api.post<{ id: string }>('/admin/edge-sites', { name: 'New York' })).body.id;
    });

    it('are not signed before their key is on record', async () => {
      const keyPair = (await intend()).keyPair;
      const unrecorded = Object.assign(new NatsUser(), { id: newId(systemClock, systemRandom), tenantId: tenant.id });
      await expect(credentials.sign(unrecorded, keyPair)).rejects.toMatchObject({ code: 'conflict', retryable: true });
    });

    it('are neither signed nor issued once the intent was abandoned', async () => {
      const { user, keyPair } = await intend();
      await app.database.database.transaction(scope(), (em) => credentials.abandon(em, { edgeSiteId: siteId, generation: 1 }));
      await expect(credentials.sign(user, keyPair)).rejects.toMatchObject({ code: 'conflict' });
      await expect(app.database.database.transaction(scope(), (em) => credentials.issue(em, user))).rejects.toMatchObject({ code: 'conflict' });
    });

    it('can be revoked by an administrator, and not by an operator', async () => {
      const { user, keyPair } = await intend();
      expect((await credentials.sign(user, keyPair)).reveal()).toContain('NATS USER JWT');
      await app.database.database.transaction(scope(), (em) => credentials.issue(em, user));
      const operator = await app.keyOf(tenant.slug, 'operator');
      expect(await operator.post(`${CREDENTIALS}/${user.id}/revoke`)).toMatchObject({ status: 403 });
      expect(await api.post(`${CREDENTIALS}/${user.id}/revoke`)).toMatchObject({ status: 200 });
    });
  });
});
