import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Api, ok } from '../lab/api.js';
import { Child } from '../lab/child.js';
import { Service } from '../lab/service.js';
import { temporaryDirectory } from '../lab/temporary-directory.js';
import { createTenant } from '../lab/tenant.js';
import { until } from '../lab/until.js';
import type { EdgeSiteDto } from '../src/edge-sites/dto/edge-site.dto.js';
import { alerts } from './alerts.js';
import { rawCryptography, shellLoop } from './baselines.js';
import { gateway } from './gateway.js';
import { type Load, load } from './load.js';
import { print, row } from './report.js';
import { monitor } from './monitor.js';
import { streams } from './streams.js';

const SITES = 1_000;
const CREATING_AT_ONCE = 16;
const SHELL_SITES = 40;
const CONNECTIONS = 32;
const SECONDS = 2;
/** The machine's speed changes: what is compared takes turns. */
const ROUNDS = 4;

const SECTIONS = { sites, streams, gateway, monitor, alerts };

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(SECTIONS, name));
if (unknown.length > 0) {
  process.stderr.write(`There is no section ${unknown.join(', ')}. Sections: ${Object.keys(SECTIONS).join(', ')}; all of them without a name.\n`);
  process.exit(2);
}
print(`node ${process.version}, ${availableParallelism()} cores\n`);
for (const [name, section] of Object.entries(SECTIONS)) if (asked.length === 0 || asked.includes(name)) await section();

async function sites(): Promise<void> {
  const directory = temporaryDirectory();
  const service = new Service({ dataDir: join(directory, 'data'), log: join(directory, 'service.log'), env: { LOG_LEVEL: 'warn' } });
  try {
    await service.ready();
    const { api } = await createTenant(service.admin, 'Bench');
    await provisioning(api, directory);
    await downloads(api, { key: api.credentials.key!, directory });
  } finally {
    await service.stop();
    rmSync(directory, { recursive: true });
  }
}

/** From the first request to the last bundle that is ready. */
async function provisioning(api: Api, directory: string): Promise<void> {
  const shellDirectory = join(directory, 'shell');
  mkdirSync(shellDirectory);
  const shellBefore = await shellLoop(shellDirectory, SHELL_SITES);
  const begin = performance.now();
  let next = 0;
  const creator = async () => {
    while (next < SITES) await ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Site ${next++}` }));
  };
  await Promise.all(Array.from({ length: CREATING_AT_ONCE }, creator));
  const created = performance.now();
  await until('every site has a bundle', () => allProvisioned(api), { timeout: 300_000, interval: 100 });
  const perSecond = (SITES * 1000) / (performance.now() - begin);

  const crypto = rawCryptography(3);
  // Before and after, as the machine's speed changes.
  const shell = (shellBefore + (await shellLoop(shellDirectory, SHELL_SITES))) / 2;
  print(`Sites provisioned, from the API to a bundle that is ready (${SITES} sites, ${CREATING_AT_ONCE} created at once)`);
  row('this service', perSecond, 'sites/s');
  row('creating them alone', (SITES * 1000) / (created - begin), 'sites/s');
  row('raw cryptography, one core', crypto, 'sites/s', perSecond / crypto);
  row('shell loop with openssl', shell, 'sites/s', perSecond / shell);
  print('');
}

/** Starts with the newest, which are the last to be provisioned, and stops at the first that is not: to ask is work for the service, too. */
async function allProvisioned(api: Api): Promise<boolean> {
  let limit = 1;
  for (let cursor: string | null = ''; cursor !== null; limit = 200) {
    const path = `/admin/edge-sites?limit=${limit}${cursor && `&cursor=${cursor}`}`;
    const page: { data: EdgeSiteDto[]; next_cursor: string | null } = await ok(api.get(path));
    if (page.data.some(({ leaf_server }) => leaf_server.status === 'pending')) return false;
    cursor = page.next_cursor;
  }
  return true;
}

async function downloads(api: Api, { key, directory }: { key: string; directory: string }): Promise<void> {
  const { data } = await ok(api.get<{ data: EdgeSiteDto[] }>('/admin/edge-sites?limit=200'));
  const urls = data.map(({ id }) => `${api.url}/api/admin/edge-sites/${id}/bundle`);
  const file = join(directory, 'bundle.tar.gz');
  writeFileSync(file, await ok(api.get<Buffer>(`/admin/edge-sites/${data[0]!.id}/bundle`)));

  const headers = { authorization: `Bearer ${key}` };
  const options = { connections: CONNECTIONS, seconds: SECONDS };
  await load({ urls, headers }, { ...options, seconds: 2 });
  const child = new Child('bare server', process.execPath, [resolve('dist/bench/bare-server.js'), file], { log: join(directory, 'bare.log') });
  try {
    const port = await until('the bare server listens', () => /^\d+$/m.exec(child.log)?.[0]);
    const rounds: [Load, Load, Load][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const one = await load({ urls: urls.slice(0, 1), headers }, options);
      const bare = await load({ urls: [`http://127.0.0.1:${port}/`] }, options);
      rounds.push([one, await load({ urls, headers }, options), bare]);
    }
    const [one, many, bare] = [0, 1, 2].map((at) => mean(rounds.map((round) => round[at]!))) as [Load, Load, Load];
    print(`Bundle downloads (${Math.round(one.bytesPerAnswer / 1024)} KiB each, ${CONNECTIONS} connections, ${ROUNDS} times ${SECONDS} s in turn)`);
    row('this service, one site’s bundle', one.perSecond, '/s', one.perSecond / bare.perSecond);
    row(`this service, ${urls.length} sites’ in turn`, many.perSecond, '/s', many.perSecond / bare.perSecond);
    row('bare Node server, the same bytes', bare.perSecond, '/s');
    print(`  p99: ${one.p99.toFixed(1)} ms, ${many.p99.toFixed(1)} ms, bare ${bare.p99.toFixed(1)} ms\n`);
  } finally {
    await child.stop();
  }
}

function mean(loads: readonly Load[]): Load {
  const of = (figure: keyof Load) => loads.reduce((sum, one) => sum + one[figure], 0) / loads.length;
  return { perSecond: of('perSecond'), p99: of('p99'), bytesPerAnswer: of('bytesPerAnswer') };
}
