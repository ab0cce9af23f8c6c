import type { Api } from '../../../lab/api.js';
import type { StreamSubjectsDto } from '../../../src/streams/dto/stream-subjects.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';

const PATH = '/admin/nats/stream-subjects';
const BUILT_IN = ['logs.syslog', 'logs.snmp', 'events.netflow', 'flows.raw.sflow', 'otel', 'logs.otel', 'falco.>'];

interface Problem {
  errors?: { pointer: string; code: string; detail: string }[];
}

let app: TestApp;
let acme: { slug: string; api: Api };
beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

const get = async (api: Api) => (await api.get<StreamSubjectsDto>(PATH)).body;
const set = (api: Api, subjects: unknown) => api.call<StreamSubjectsDto & Problem>('PUT', PATH, { body: { subjects } });

describe('the subjects of a tenant’s streams', () => {
  it('are those of the collectors at first', async () => {
    expect(await get(acme.api)).toEqual({ built_in: BUILT_IN, added: [], updated_at: null });
  });

  it('are those and what the tenant said last', async () => {
    for (const subjects of [['sensors.>', 'logs.app'], ['sensors.>'], []]) {
      const { status, body } = await set(acme.api, subjects);
      expect([status, body]).toEqual([200, { built_in: BUILT_IN, added: subjects, updated_at: expect.any(String) }]);
      expect(await get(acme.api)).toEqual(body);
    }
  });

  it('are each tenant’s own', async () => {
    const { api } = await app.tenant('Globex');
    await set(api, ['machines.>']);
    await set(acme.api, ['sensors.>']);
    expect([(await get(api)).added, (await get(acme.api)).added]).toEqual([['machines.>'], ['sensors.>']]);
  });

  it('stay as they are when something is wrong with what is to be added', async () => {
    await set(acme.api, ['sensors.>']);
    const { status, body } = await set(acme.api, ['machines.*', '$JS.API.>', 'logs.>', 'a b', '_INBOX.x', 'machines.press', "'; rm", '😀']);
    expect(status).toBe(422);
    expect(body.errors!.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '/subjects/1 reserved_subject',
      '/subjects/2 subject_overlaps',
      '/subjects/3 invalid_subject',
      '/subjects/4 reserved_subject',
      '/subjects/5 subject_overlaps',
      '/subjects/6 invalid_subject',
      '/subjects/7 invalid_subject',
    ]);
    expect(body.errors![1]!.detail).toBe('logs.> overlaps with logs.syslog, which the stream stores already.');
    expect((await get(acme.api)).added).toEqual(['sensors.>']);
  });

  it.each([[undefined], [null], ['sensors.>'], [[1]], [[null]], [Array.from({ length: 65 }, (_, index) => `s.${index}`)], [['a'.repeat(257)]]])(
    'are refused as %j',
    async (subjects) => {
      expect((await set(acme.api, subjects)).status).toBe(422);
    },
  );

  it('are read by a viewer, and changed by an administrator, which is written down', async () => {
    const viewer = await app.keyOf(acme.slug, 'viewer');
    const operator = await app.keyOf(acme.slug, 'operator');
    expect((await viewer.get(PATH)).status).toBe(200);
    expect((await set(viewer, [])).status).toBe(403);
    expect((await set(operator, [])).status).toBe(403);
    await set(acme.api, ['written.down']);
    const { body } = await acme.api.get<{ data: { action: string; detail: object }[] }>('/admin/audit-events');
    expect(body.data.find(({ action }) => action === 'stream_subjects.update')?.detail).toEqual({ added: ['written.down'] });
  });
});
