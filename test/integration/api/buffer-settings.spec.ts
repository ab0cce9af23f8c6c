import type { Api } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Problem {
  errors?: { pointer: string; code: string }[];
}

const WEEK = 604_800;
const MIB = 2 ** 20;

let app: TestApp;
let api: Api;
beforeAll(async () => {
  app = await startTestApp();
  ({ api } = await app.tenant('Acme'));
});
afterAll(() => app.close());

const create = async (site: object) => (await api.post<EdgeSiteDto>('/admin/edge-sites', site)).body;
const errorsOf = ({ body: { errors = [] } }: { body: Problem }) => errors.map(({ pointer, code }) => `${pointer} ${code}`).sort();

describe('what a site’s leaf keeps', () => {
  it('is seven days of the newest messages, as its disk allows, unless the site says otherwise', async () => {
    expect((await create({ name: 'Silent' })).buffer).toEqual({ max_age: WEEK, max_bytes: null, discard: 'old' });
    const buffer = { max_age: 3600, max_bytes: 64 * MIB, discard: 'new' };
    const { id } = await create({ name: 'Typed', buffer });
    expect((await api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`)).body.buffer).toEqual(buffer);
  });

  it('is changed field by field, without new files for the leaf', async () => {
    const { id } = await create({ name: 'Changed' });
    const path = `/admin/edge-sites/${id}`;
    await until('the leaf is provisioned', async () => (await api.get<EdgeSiteDto>(path)).body.leaf_server.status === 'provisioned');
    const change = async (buffer: object) => {
      const { status, body } = await api.patch<EdgeSiteDto>(path, { buffer });
      return [status, body.buffer, body.leaf_server.generation];
    };
    expect(await change({ max_age: 86_400 })).toEqual([200, { max_age: 86_400, max_bytes: null, discard: 'old' }, 1]);
    expect(await change({ max_bytes: 32 * MIB, discard: 'new' })).toEqual([200, { max_age: 86_400, max_bytes: 32 * MIB, discard: 'new' }, 1]);
    expect(await change({ max_bytes: null })).toEqual([200, { max_age: 86_400, max_bytes: null, discard: 'new' }, 1]);
    expect(await change({})).toEqual([200, { max_age: 86_400, max_bytes: null, discard: 'new' }, 1]);
  });

  it.each([
    [{ max_age: 59 }, '/buffer/max_age min'],
    [{ max_age: 366 * 86_400 + 1 }, '/buffer/max_age max'],
    [{ max_age: '168h' }, '/buffer/max_age is_int'],
    [{ max_age: null }, '/buffer/max_age is_int'],
    [{ max_bytes: MIB - 1 }, '/buffer/max_bytes min'],
    [{ discard: 'some' }, '/buffer/discard is_in'],
    [{ max_messages: 1 }, '/buffer/max_messages unknown_field'],
  ])('is refused as %j', async (buffer, error) => {
    expect(errorsOf(await api.post('/admin/edge-sites', { name: 'Refused', buffer }))).toContain(error);
  });

  it.each([[null], [7], ['7d'], [[]]])('is refused as %j, which is no object', async (buffer) => {
    const answer = await api.post<Problem>('/admin/edge-sites', { name: 'Refused', buffer });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, '/buffer']);
  });

  it('is no more than the leaf’s JetStream has room for', async () => {
    const disk = { jetstream_max_file_bytes: 100 * MIB };
    const refused = await api.post<Problem>('/admin/edge-sites', { name: 'Large', ...disk, buffer: { max_bytes: 91 * MIB } });
    expect([refused.status, errorsOf(refused)]).toEqual([422, ['/buffer/max_bytes too_large']]);
    const { id } = await create({ name: 'Large', ...disk, buffer: { max_bytes: 90 * MIB } });
    const path = `/admin/edge-sites/${id}`;
    expect(errorsOf(await api.patch(path, { buffer: { max_bytes: 91 * MIB } }))).toEqual(['/buffer/max_bytes too_large']);
    expect(errorsOf(await api.patch(path, { jetstream_max_file_bytes: 99 * MIB }))).toEqual(['/buffer/max_bytes too_large']);
    expect((await api.patch(path, { jetstream_max_file_bytes: 200 * MIB, buffer: { max_bytes: 180 * MIB } })).status).toBe(200);
  });
});
