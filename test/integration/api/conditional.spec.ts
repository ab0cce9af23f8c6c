import { type Answer, type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import type { ProblemDto } from '../../../src/platform/problem/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { readOpenApi } from '../../support/openapi.js';

let app: TestApp;
let api: Api;
let number = 0;

beforeAll(async () => {
  app = await startTestApp();
  ({ api } = await app.tenant('Acme'));
});
afterAll(() => app.close());

const newSite = async () => `/admin/edge-sites/${(await ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Site ${++number}` }))).id}`;
/** Nothing changes it by itself any more. */
const settledSite = async () => {
  const path = await newSite();
  await until('the leaf is provisioned', async () => (await ok(api.get<EdgeSiteDto>(path))).leaf_server.status === 'provisioned');
  return path;
};
const tagOf = ({ headers }: Answer<unknown>) => headers.get('etag')!;
const read = async (path: string) => tagOf(await api.get(path));
const ifMatch = (tag: string, body?: unknown) => ({ body, headers: { 'if-match': tag } });
const rename = (path: string, tag: string, name = `Renamed ${++number}`) => api.call<EdgeSiteDto>('PATCH', path, ifMatch(tag, { name }));
const refusal = ({ status, body }: Answer<unknown>) => [status, (body as ProblemDto).code];

describe('an ETag', () => {
  it('stays the same while nothing changes, and is strong', async () => {
    const path = await settledSite();
    const tag = await read(path);
    expect(tag).toMatch(/^"1-[\w-]{16}"$/);
    expect(await read(path)).toBe(tag);
  });

  it('of a change is that of what is read after it', async () => {
    const path = await settledSite();
    const before = await read(path);
    const changed = await api.patch<EdgeSiteDto>(path, { labels: { a: 'b' } });
    expect(tagOf(changed)).not.toBe(before);
    expect(tagOf(changed)).toBe(await read(path));
  });

  it('is asked for with If-None-Match: whoever has it gets 304 and no body', async () => {
    const path = await settledSite();
    const tag = await read(path);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const answer = await api.call<Buffer>('GET', path, { headers: { 'if-none-match': known } });
      expect([answer.status, answer.body.length, tagOf(answer)]).toEqual([304, 0, tag]);
    }
    for (const known of ['"other"', tag.slice(1, -1), 'nonsense']) {
      expect((await api.call('GET', path, { headers: { 'if-none-match': known } })).status).toBe(200);
    }
  });
});

describe('a change with If-Match', () => {
  it('is made when nobody else has changed anything since', async () => {
    const path = await newSite();
    const first = await rename(path, await read(path));
    const second = await rename(path, tagOf(first));
    expect([first.status, second.status]).toEqual([200, 200]);
  });

  it('is refused with 412 when somebody else has, and nothing is changed', async () => {
    const path = await newSite();
    const tag = await read(path);
    const { name } = (await rename(path, tag)).body;
    const late = await api.call<ProblemDto>('PATCH', path, ifMatch(tag, { name: 'Late' }));
    expect(refusal(late)).toEqual([412, 'stale']);
    expect(late.body.detail).toBe('The edge site is at version 2, and the header If-Match says 1. Read it again, and change what is there now.');
    expect((await ok(api.get<EdgeSiteDto>(path))).name).toBe(name);
  });

  it('is made by one of many that have all seen the same', async () => {
    const path = await newSite();
    const tag = await read(path);
    const answers = await Promise.all(Array.from({ length: 8 }, () => rename(path, tag)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(412)]);
  });

  it('is not in the way of a site that only comes and goes: its status is nothing that people change', async () => {
    const path = await settledSite();
    const tag = await read(path);
    const { id } = await ok(api.get<EdgeSiteDto>(path));
    await app.database.database.em(PLATFORM).execute(`update edge_sites set status = 'offline', last_seen_at = now(), version = version + 1 where id = ?`, [id]);
    expect(await read(path)).not.toBe(tag);
    expect((await rename(path, tag)).status).toBe(200);
  });

  it.each([
    ['* is made of whatever is there', () => '*', 200],
    ['a list is made when one of its tags is right', (tag: string) => `"other", ${tag}`, 200],
    ['a weak tag is refused', (tag: string) => `W/${tag}`, 412],
    ['a tag of something else is refused', () => '"other"', 412],
    ['no tag in quotes is malformed', () => '1', 400],
    ['a list that does not end is malformed', (tag: string) => `${tag},`, 400],
  ])('of %s', async (_what, header, status) => {
    const path = await newSite();
    expect((await rename(path, header(await read(path)))).status).toBe(status);
  });

  it('is about the site only once it is known to be the caller’s own, and may be changed', async () => {
    const path = await newSite();
    const viewer = await app.keyOf('acme', 'viewer');
    const { api: other } = await app.tenant('Globex');
    expect((await viewer.call('PATCH', path, ifMatch('"7-aaaaaaaaaaaaaaaa"', { name: 'x' }))).status).toBe(403);
    expect((await other.call('PATCH', path, ifMatch('"7-aaaaaaaaaaaaaaaa"', { name: 'x' }))).status).toBe(404);
  });
});

describe('a deletion with If-Match', () => {
  it('is refused with 412 when the site was changed since, and done when it was not', async () => {
    const path = await newSite();
    const before = await read(path);
    const after = tagOf(await rename(path, before));
    expect(refusal(await api.call('DELETE', path, ifMatch(before)))).toEqual([412, 'stale']);
    expect((await api.get(path)).status).toBe(200);
    expect((await api.call('DELETE', path, ifMatch(after))).status).toBe(204);
  });
});

describe('the list of subjects', () => {
  const path = '/admin/nats/stream-subjects';
  const set = (tag: string, subject: string) => api.call('PUT', path, ifMatch(tag, { subjects: [subject] }));

  it('is set by one of many that have all seen the same, also for the first time', async () => {
    for (const round of ['first', 'second']) {
      const tag = await read(path);
      const answers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => set(tag, `${name}.${round}`)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
      expect(tagOf(answers.find(({ status }) => status === 200)!)).toBe(await read(path));
    }
  });
});

describe('openapi.yaml', () => {
  const { paths } = readOpenApi();
  /** What a site reports by machine, which has seen nothing before; a key, which is revoked or not, and a silence, which never changes: neither is shown by a call of its own. */
  const EXEMPT = ['reportRunningConfig', 'revokeApiKey', 'deleteAlertSilence'];
  const changing = Object.values(paths).flatMap((methods) =>
    Object.entries(methods).filter(([method, { operationId }]) => ['put', 'patch', 'delete'].includes(method) && !EXEMPT.includes(operationId)),
  );

  it.each(changing.map(([, operation]) => [operation.operationId, operation] as const))('has If-Match and 412 at %s', (_id, { parameters, responses }) => {
    expect(parameters).toContainEqual({ $ref: '#/components/parameters/IfMatch' });
    expect(responses).toHaveProperty('412');
  });
});
