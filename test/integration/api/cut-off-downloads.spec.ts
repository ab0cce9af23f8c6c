import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Api, ok } from '../../../lab/api.js';
import { run } from '../../../lab/child.js';
import { freePort } from '../../../lab/free-port.js';
import { Proxy } from '../../../lab/proxy.js';
import { until } from '../../../lab/until.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { CollectorPackageDto } from '../../../src/collectors/dto/collector.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { unpack } from '../../support/unpack.js';

const TOKEN = 'x-serviceradar-download-token';
const ATTEMPT = 'x-serviceradar-download-attempt';

/** More than an answer's head, less than any archive. */
const MIDWAY = 2_000;

let app: TestApp;
let wan: Proxy;
let acme: { id: string; api: Api };
let nobody: Api;
let directory: string;

beforeAll(async () => {
  const port = await freePort();
  wan = await Proxy.start(port);
  // Clients of the loopback network say where they come from, as those behind a proxy do.
  app = await startTestApp({ PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${wan.port}`, TRUSTED_PROXIES: '127.0.0.1' });
  acme = await app.tenant('Acme');
  nobody = app.admin.as({});
});
afterAll(async () => {
  await app.close();
  await wan.stop();
});
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'serviceradar-cut-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Something that has a bundle. */
interface Downloadable {
  id: string;
  /** In the API. */
  kind: string;
  /** Of the archive, without its suffix. */
  name: string;
  action: string;
}

let sites = 0;
async function newSite(): Promise<Downloadable> {
  const { id, slug } = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Cut off ${++sites}` }));
  await until('the leaf is provisioned', async () => (await siteNow(id)).leaf_server.status === 'provisioned');
  return { id, kind: 'edge-sites', name: `edge-site-${slug}`, action: 'edge_site_bundle.download' };
}

async function newCollector(): Promise<Downloadable> {
  const { id } = await ok(acme.api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger' }));
  await until('the collector is provisioned', async () => (await ok(acme.api.get<CollectorPackageDto>(`/admin/collectors/${id}`))).status === 'ready');
  return { id, kind: 'collectors', name: `collector-package-${id.slice(0, 8)}`, action: 'collector_bundle.download' };
}

async function newOnboardingPackage(): Promise<Downloadable> {
  const site = await newSite();
  const asked = { label: 'x', component_type: 'agent', component_id: 'x', edge_site_id: site.id };
  const { id } = await ok(acme.api.post<OnboardingPackageDto>('/admin/edge-packages', asked));
  return { id, kind: 'edge-packages', name: `edge-package-${id.slice(0, 8)}`, action: 'onboarding_package.deliver' };
}

const siteNow = (id: string) => ok(acme.api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`));
const tokenFor = ({ kind, id }: Downloadable, body = {}) => ok(acme.api.post<DownloadTokenDto>(`/admin/${kind}/${id}/download-tokens`, body));
const download = ({ kind, id }: Downloadable, token: string, headers: Record<string, string> = {}) =>
  nobody.call<Buffer>('POST', `/${kind}/${id}/bundle`, { headers: { [TOKEN]: token, ...headers } });
const statusOf = async (...asked: Parameters<typeof download>) => (await download(...asked)).status;

const archiveOf = ({ name }: Downloadable) => join(directory, `${name}.tar.gz`);
/** How long it pauses between two tries says nothing about what becomes of them. */
const hasty = (command: string) => command.replace('sleep $pause', 'sleep 0');
const paste = (command: string) => run('sh', ['-c', hasty(command)], { cwd: directory });

/** How often it is on record that somebody was handed a bundle. */
async function handedOut({ action, id }: Downloadable): Promise<number> {
  const { data } = await ok(acme.api.get<{ data: { action: string; subject_id: string }[] }>('/admin/audit-events?limit=200'));
  return data.filter((event) => event.action === action && event.subject_id === id).length;
}

const KINDS: [string, () => Promise<Downloadable>][] = [
  ['an edge site', newSite],
  ['a collector', newCollector],
  ['a component', newOnboardingPackage],
];

describe.each(KINDS)('the curl line for %s', (_what, make) => {
  let wanted: Downloadable;
  beforeAll(async () => (wanted = await make()));

  it('brings the whole bundle when its connections are cut, and each time is on record', async () => {
    const before = await handedOut(wanted);
    const { command } = await tokenFor(wanted);
    // In the middle of the archive, before the first byte of the answer, and within its head.
    wan.cutNext(MIDWAY, 1, 100);
    const { code, output } = await paste(command);
    expect([code, wan.cutsLeft, output]).toEqual([0, 0, expect.stringMatching(/^curl: \((18|56)\)/)]);
    const files = await unpack(readFileSync(archiveOf(wanted)));
    expect([...files.keys()].every((path) => path.startsWith(`${wanted.name}/`))).toBe(true);
    expect([...files.keys()].at(-1)).toBe(`${wanted.name}/SHA256SUMS`);
    expect((await handedOut(wanted)) - before).toBe(4);
  });

  it('is good for nothing when it is pasted again', async () => {
    const { command } = await tokenFor(wanted);
    expect((await paste(command)).code).toBe(0);
    const again = await paste(command);
    expect([again.code, again.output.match(/404/g)]).toEqual([22, ['404']]);
  });

  it('says so when it cannot write, and does not use up tries', async () => {
    const { command } = await tokenFor(wanted);
    const { code } = await paste(command.replaceAll(`${wanted.name}.tar.gz`, 'nowhere/x.tar.gz'));
    expect(code).toBe(23);
  });
});

describe('a curl line', () => {
  it('gives up, and fails as curl did, when no connection comes through', async () => {
    const site = await newSite();
    const { command } = await tokenFor(site);
    wan.cutNext(...Array<number>(5).fill(MIDWAY));
    const { code } = await paste(command);
    expect([[18, 56].includes(code!), wan.cutsLeft]).toEqual([true, 0]);
  });

  it('runs in the shells that hosts have', async () => {
    const site = await newSite();
    for (const shell of [['bash', '-c'], ['dash', '-c'], ['busybox', 'sh', '-c']]) {
      const [program, ...args] = shell as [string, ...string[]];
      const { command } = await tokenFor(site);
      rmSync(archiveOf(site), { force: true });
      wan.cutNext(MIDWAY);
      const { code } = await run(program, [...args, hasty(command)], { cwd: directory });
      expect([shell, code, existsSync(archiveOf(site))]).toEqual([shell, 0, true]);
    }
  });
});

describe('a download that was cut off', () => {
  const attempt = 'a-name-that-nobody-knows';
  const mine = { [ATTEMPT]: attempt, 'x-forwarded-for': '192.0.2.7' };
  let site: Downloadable;
  beforeAll(async () => (site = await newSite()));

  it('is started over with the token by the same attempt from the same address, and gets the same bytes', async () => {
    const { token } = await tokenFor(site);
    const first = await download(site, token, mine);
    const second = await download(site, token, mine);
    expect([first.status, second.status, second.body.equals(first.body)]).toEqual([200, 200, true]);
  });

  it('is started over by nobody else, who is answered like one that shows a wrong token', async () => {
    const { token } = await tokenFor(site);
    expect(await statusOf(site, token, mine)).toBe(200);
    const others: Record<string, string>[] = [
      {},
      { 'x-forwarded-for': '192.0.2.7' },
      { ...mine, 'x-forwarded-for': '192.0.2.8' },
      { ...mine, [ATTEMPT]: 'another-name-nobody-knows' },
    ];
    const answers = await Promise.all([...others.map((headers) => download(site, token, headers)), download(site, `${token.slice(1)}A`, mine)]);
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect(new Set(answers.map(({ body }) => (body as unknown as { detail: string }).detail)).size).toBe(1);
    expect(await statusOf(site, token, mine)).toBe(200);
  });

  it('cannot be started over by whoever called it nothing', async () => {
    const { token } = await tokenFor(site);
    const from = { 'x-forwarded-for': '192.0.2.7' };
    expect([await statusOf(site, token, from), await statusOf(site, token, from), await statusOf(site, token, mine)]).toEqual([200, 404, 404]);
  });

  it('by a name that others might guess is refused before anything is looked up, and uses up no token', async () => {
    const { token } = await tokenFor(site);
    const answer = await download(site, token, { [ATTEMPT]: '1' });
    expect([answer.status, (answer.body as unknown as { code: string }).code]).toEqual([400, 'malformed_request']);
    expect(await statusOf(site, token)).toBe(200);
  });

  it('is over after five minutes, or when the token expires', async () => {
    const used = async (change: string) => {
      const { token } = await tokenFor(site);
      expect(await statusOf(site, token, mine)).toBe(200);
      const em = app.database.database.em('platform');
      await em.execute(`update download_tokens set ${change} where id = (select max(id::text)::uuid from download_tokens)`);
      return statusOf(site, token, mine);
    };
    expect(await used(`used_at = used_at - interval '4 minutes'`)).toBe(200);
    expect(await used(`used_at = used_at - interval '5 minutes 1 second'`)).toBe(404);
    expect(await used('expires_at = now()')).toBe(404);
  });

  it('does not begin its five minutes anew when it is started over', async () => {
    const { token } = await tokenFor(site);
    const em = app.database.database.em('platform');
    const usedAt = async () => (await em.execute<{ used_at: string }[]>('select used_at from download_tokens order by id desc limit 1'))[0]!.used_at;
    await download(site, token, mine);
    const first = await usedAt();
    await download(site, token, mine);
    expect(await usedAt()).toEqual(first);
  });

  it('is not handed out the next generation', async () => {
    const renewed = await newSite();
    const { token } = await tokenFor(renewed);
    expect(await statusOf(renewed, token, mine)).toBe(200);
    await ok(acme.api.post(`/admin/edge-sites/${renewed.id}/leaf-server/regenerate`));
    await until('generation 2 is provisioned', async () => (await siteNow(renewed.id)).leaf_server.status === 'provisioned');
    expect(await statusOf(renewed, token, mine)).toBe(404);
  });

  it('of a package that was revoked since is over', async () => {
    const collector = await newCollector();
    const { token } = await tokenFor(collector);
    expect(await statusOf(collector, token, mine)).toBe(200);
    await ok(acme.api.post(`/admin/collectors/${collector.id}/revoke`));
    expect(await statusOf(collector, token, mine)).toBe(404);
  });

  it('is one of many at once with a token, of which exactly one succeeds', async () => {
    const { token } = await tokenFor(site);
    // Who is told that too many ask at once asks again.
    const patiently = (name: string) =>
      until('it is not told to come again', async () => {
        const status = await statusOf(site, token, { ...mine, [ATTEMPT]: name });
        return status !== 503 && status;
      });
    const statuses = await Promise.all(Array.from({ length: 64 }, (_, at) => patiently(`${attempt}-${at}`)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 404)).toHaveLength(63);
  });

  it('by an API key needs no attempt: the key downloads again', async () => {
    const bundle = () => acme.api.get<Buffer>(`/admin/edge-sites/${site.id}/bundle`);
    const [first, second] = [await bundle(), await bundle()];
    expect([first.status, second.status, second.body.equals(first.body)]).toEqual([200, 200, true]);
  });
});

describe.each([
  ['an edge site', newSite, 'setup.sh'],
  ['a collector', newCollector, 'update.sh'],
])('the archive of %s that was cut off', (_what, make, script) => {
  it.each([
    ['before the checksums', 0],
    ['within the checksums', 512 + 100],
  ])('%s is not installed', async (_where, offset) => {
    const wanted = await make();
    expect((await paste((await tokenFor(wanted)).command)).code).toBe(0);
    const archive = gunzipSync(readFileSync(archiveOf(wanted)));
    // They come last: a header of 512 bytes, which begins with the name, and the file.
    const cutOff = archive.subarray(0, archive.lastIndexOf(`${wanted.name}/SHA256SUMS\0`) + offset);
    writeFileSync(archiveOf(wanted), gzipSync(cutOff));
    await run('tar', ['-xzf', archiveOf(wanted)], { cwd: directory });
    const { code, output } = await run('sh', [join(wanted.name, script), '--prefix', 'host'], { cwd: directory });
    expect([code, output]).toEqual([1, expect.stringContaining('Nothing was changed. Download the bundle again')]);
    expect(existsSync(join(directory, 'host'))).toBe(false);
  });
});
