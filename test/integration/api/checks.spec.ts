import { type Answer, type Api, ok } from '../../../lab/api.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import type { CheckDto } from '../../../src/checks/dto/check.dto.js';
import { CHECKS_MAX } from '../../../src/checks/checks.service.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { ProblemDto } from '../../../src/platform/problem/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let site: EdgeSiteDto;

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
  acme = await app.tenant('Acme');
  site = await newSite();
});
afterAll(() => app.close());

let count = 0;
const newSite = () => ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg', slug: `hamburg-${++count}` }));
const asked = (more: object = {}) => ({ edge_site_id: site.id, name: `Check ${++count}`, check_type: 'icmp', target: '10.20.0.5', ...more });
const make = (more: object = {}) => ok(acme.api.post<CheckDto>('/admin/checks', asked(more)));
const refused = (more: object) => acme.api.post<ProblemDto>('/admin/checks', asked(more));
const errorsOf = ({ status, body }: Answer<ProblemDto>) => [status, ...(body.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`)];

describe('a check', () => {
  it('is made of what is said, and of defaults', async () => {
    const { id, created_at, updated_at, ...rest } = await make({ name: 'Ping `$(touch x)` a"b %n 🏭' });
    expect(rest).toEqual({
      edge_site_id: site.id,
      name: 'Ping `$(touch x)` a"b %n 🏭',
      check_type: 'icmp',
      enabled: true,
      interval_sec: 30,
      timeout_sec: 5,
      target: '10.20.0.5',
      port: null,
      path: null,
      method: null,
      settings: {},
      publish_results: false,
    });
    expect([created_at, await ok(acme.api.get<CheckDto>(`/admin/checks/${id}`))]).toMatchObject([updated_at, { id, name: rest.name }]);
  });

  it('over http is filled in: port of its scheme, path and method', async () => {
    expect(await make({ check_type: 'http', settings: { scheme: 'https' } })).toMatchObject({ port: 443, path: '/', method: 'GET' });
  });

  it('is found by site and type', async () => {
    const other = await newSite();
    const [ping, tcp] = [await make({ edge_site_id: other.id }), await make({ edge_site_id: other.id, check_type: 'tcp', port: 22 })];
    const ids = async (query: string) => (await ok(acme.api.get<{ data: CheckDto[] }>(`/admin/checks?${query}`))).data.map(({ id }) => id);
    expect(await ids(`edge_site_id=${other.id}`)).toEqual([tcp.id, ping.id]);
    expect(await ids(`edge_site_id=${other.id}&check_type=tcp`)).toEqual([tcp.id]);
  });

  it('is refused with all that is wrong with it', async () => {
    expect(errorsOf(await refused({ name: 'a\nb', check_type: 'nats_leaf', interval_sec: 9, timeout_sec: 61, port: 0, settings: { 'A-b': 'x' }, colour: 1 }))).toEqual([
      422,
      '/colour unknown_field',
      expect.stringMatching(/^\/name /),
      '/check_type is_in',
      '/interval_sec min',
      '/timeout_sec max',
      '/port min',
      '/settings is_settings',
    ]);
    expect(errorsOf(await refused({ target: '-f', port: 7, path: '/', timeout_sec: 30 }))).toEqual([
      422,
      '/timeout_sec too_long',
      '/target invalid_for_type',
      '/port not_applicable',
      '/path not_applicable',
    ]);
  });

  it('has a name of its own in its site, and not the leaf’s', async () => {
    const { name } = await make();
    const again = await refused({ name });
    expect([again.status, again.body.code, again.body.detail]).toEqual([409, 'conflict', `The site has a check with the name "${name}" already. Choose another name.`]);
    expect(await make({ name, edge_site_id: (await newSite()).id })).toMatchObject({ name });
    expect(errorsOf(await refused({ name: 'NATS-leaf' }))).toEqual([422, '/name reserved']);
    const other = await make();
    expect((await acme.api.patch<ProblemDto>(`/admin/checks/${other.id}`, { name })).body.code).toBe('conflict');
  });

  it('may be the hundredth of a site, and not the one after that, however many are made at a time', async () => {
    const { id } = await newSite();
    for (let made = 0; made < CHECKS_MAX - 2; made += 14) {
      await Promise.all(Array.from({ length: 14 }, () => make({ edge_site_id: id })));
    }
    const answers = await Promise.all(Array.from({ length: 5 }, () => refused({ edge_site_id: id })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)!.body.detail).toContain('100 checks');
  });

  it('is nobody else’s', async () => {
    const { id } = await make();
    const { api } = await app.tenant('Globex');
    const calls = [api.get(`/admin/checks/${id}`), api.patch(`/admin/checks/${id}`, { enabled: false }), api.delete(`/admin/checks/${id}`), api.post('/admin/checks', asked())];
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  });

  it('goes with its site', async () => {
    const leaving = await newSite();
    const { id } = await make({ edge_site_id: leaving.id });
    expect((await acme.api.delete(`/admin/edge-sites/${leaving.id}`)).status).toBe(204);
    expect((await acme.api.get(`/admin/checks/${id}`)).status).toBe(404);
  });
});

describe('changing a check', () => {
  it('is held to the rules of its type, with what it was before', async () => {
    const { id } = await make({ check_type: 'http', interval_sec: 60, timeout_sec: 50 });
    const patch = (body: object) => acme.api.patch<ProblemDto & CheckDto>(`/admin/checks/${id}`, body);
    expect((await patch({ enabled: false, path: '/x', port: 8080, settings: { expected_status: '204' } })).body).toMatchObject({
      enabled: false,
      path: '/x',
      port: 8080,
      interval_sec: 60,
      settings: { expected_status: '204' },
    });
    expect((await patch({ port: null, settings: { scheme: 'https' } })).body).toMatchObject({ port: 443, settings: { scheme: 'https' } });
    expect(errorsOf(await patch({ interval_sec: 30 }))).toEqual([422, '/timeout_sec too_long']);
    expect(errorsOf(await patch({ target: 'a b', settings: { service: 'x' } }))).toEqual([422, '/target invalid_for_type', '/settings/service not_applicable']);
    expect(errorsOf(await patch({ check_type: 'tcp' }))).toEqual([422, '/check_type unknown_field']);
    expect((await acme.api.get<CheckDto>(`/admin/checks/${id}`)).body).toMatchObject({ target: '10.20.0.5', interval_sec: 60 });
  });

  it('with If-Match is refused when somebody else has changed it since, and so is deleting it', async () => {
    const { id } = await make();
    const path = `/admin/checks/${id}`;
    const tag = (await acme.api.get(path)).headers.get('etag')!;
    const change = (method: string, body?: unknown) => acme.api.call<ProblemDto>(method, path, { body, headers: { 'if-match': tag } });
    expect((await change('PATCH', { enabled: false })).status).toBe(200);
    expect(errorsOf(await change('PATCH', { enabled: true }))).toEqual([412]);
    expect((await change('DELETE')).body.detail).toBe('The check is at version 2, and the header If-Match says 1. Read it again, and change what is there now.');
    expect((await acme.api.delete(path)).status).toBe(204);
  });

  it('is for operators, and stands in the audit trail, as all of its life', async () => {
    const operator = await app.keyOf(acme.slug, 'operator');
    const { id } = await ok(operator.post<CheckDto>('/admin/checks', asked()));
    await ok(operator.patch(`/admin/checks/${id}`, { enabled: false }));
    expect((await operator.delete(`/admin/checks/${id}`)).status).toBe(204);
    const viewer = await app.keyOf(acme.slug, 'viewer');
    expect((await viewer.post('/admin/checks', asked())).status).toBe(403);
    const { data } = await ok(acme.api.get<{ data: AuditEventDto[] }>(`/admin/audit-events?subject_id=${id}`));
    expect(data.map(({ action }) => action)).toEqual(['check.delete', 'check.update', 'check.create']);
    expect(data[1]!.detail).toMatchObject({ changed: ['enabled'] });
  });
});
