import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Secret, systemRandom } from '#libs/kernel';
import { type Api, ok } from '../../lab/api.js';
import type { Service } from '../../lab/service.js';
import { temporaryDirectory } from '../../lab/temporary-directory.js';
import { until } from '../../lab/until.js';
import type { EdgeSiteDto } from '../../src/edge-sites/dto/edge-site.dto.js';
import { KeyRing } from '../../src/platform/encryption/index.js';
import { anotherProcess } from '../support/another-process.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { wrongsOf } from '../support/issued.js';
import type { Moment } from '../support/nth-write.js';
import { ISSUED, Traps } from '../support/traps.js';

interface Owner {
  id: string;
  slug: string;
  api: Api;
}

/** What a process of its own issues. */
interface Issuance {
  role: 'api' | 'worker';
  /** Makes something to issue it to. */
  prepare: (owner: Owner) => Promise<string>;
  /** Has it issued by the process, as far as that gets. */
  ask: (process: Api, id: string) => Promise<unknown>;
  /** Has it issued by whoever is there after that. */
  again: (owner: Owner, id: string) => Promise<unknown>;
  isDone: (owner: Owner, id: string) => Promise<boolean>;
}

interface Victim {
  what: string;
  moment: Moment;
  nth: number;
  owner: Owner;
  id: string;
}

/** How many are held up at once: each holds a connection of the process, which has twenty. */
const WAVE = 12;

const KEY = randomBytes(32);
const keyRing = new KeyRing([{ id: 'k1', key: new Secret(KEY) }], systemRandom);
const ENV = { ENCRYPTION_KEYS: `k1:${KEY.toString('base64')}`, NATS_PUBLIC_URL: 'tls://hub.example.com:4222' };
const directory = temporaryDirectory();

let app: TestApp;
let traps: Traps;
let tenants = 0;

const agentOf = (id: string) => ({ label: 'Agent', component_type: 'agent', component_id: 'agent-1', edge_site_id: id });
const createSite = async ({ api }: Owner) => (await ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Plant' }))).id;
const nothing = () => Promise.resolve();

const ISSUANCES: Record<string, Issuance> = {
  'a leaf': {
    role: 'worker',
    prepare: createSite,
    ask: nothing,
    again: nothing,
    isDone: async ({ api }, id) => (await ok(api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`))).leaf_server.status === 'provisioned',
  },
  'a collector': {
    role: 'worker',
    prepare: async ({ api }) => (await ok(api.post<{ id: string }>('/admin/collectors', { collector_type: 'flowgger' }))).id,
    ask: nothing,
    again: nothing,
    isDone: async ({ api }, id) => (await ok(api.get<{ status: string }>(`/admin/collectors/${id}`))).status === 'ready',
  },
  'an agent': {
    role: 'api',
    prepare: createSite,
    ask: (process, id) => process.post('/admin/edge-packages', agentOf(id)),
    // Whose answer was lost finds that it is there.
    again: async ({ api }, id) => expect([201, 409]).toContain((await api.post('/admin/edge-packages', agentOf(id))).status),
    isDone: async ({ api }, id) => (await ok(api.get<{ data: unknown[] }>(`/admin/edge-packages?edge_site_id=${id}&status=issued`))).data.length === 1,
  },
};

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api', ...ENV });
  traps = await Traps.install(app.database.ownerUrl, ISSUED);
});
afterAll(async () => {
  await traps.close();
  await app.close();
  rmSync(directory, { recursive: true });
});

const startProcess = (role: Issuance['role']) => anotherProcess(app, directory, role, { ROLES: role, ...ENV }).ready();

async function victim(what: string, moment: Moment, nth?: number): Promise<Victim> {
  const owner = await app.tenant(`T ${++tenants}`);
  const id = await ISSUANCES[what]!.prepare(owner);
  await traps.set(owner.id, moment, nth);
  return { what, moment, nth: nth ?? 0, owner, id };
}

const ask = (process: Service, { what, owner, id }: Victim) => ISSUANCES[what]!.ask(process.api.as(owner.api.credentials), id);
const done = ({ what, owner, id }: Victim) => until(`${what} is there`, () => ISSUANCES[what]!.isDone(owner, id));
const again = ({ what, owner, id }: Victim) => ISSUANCES[what]!.again(owner, id);

/** One that is left alone, to see what there is to be killed at. */
async function countWrites(process: Service, what: string, moment: Moment): Promise<number> {
  const one = await victim(what, moment);
  await ask(process, one);
  await done(one);
  return traps.counted(one.owner.id, moment);
}

const openIntents = () =>
  app.database.database
    .em('platform')
    .execute<unknown[]>(`select id from certificates where status = 'intended' union all select id from nats_users where status = 'intended'`);

/** Something that is about to be issued, for each of its writes and each of its commits. */
async function everyMoment(role: Issuance['role']): Promise<[string, Moment, number][]> {
  const process = await startProcess(role);
  const moments: [string, Moment, number][] = [];
  for (const what of Object.keys(ISSUANCES).filter((one) => ISSUANCES[one]!.role === role)) {
    for (const moment of ['statement', 'commit'] as const) {
      const count = await countWrites(process, what, moment);
      moments.push(...Array.from({ length: count }, (_, at) => [what, moment, at + 1] as [string, Moment, number]));
    }
  }
  await process.stop();
  return moments;
}

/** Has them issued all at once, and the process killed when each is at its write. */
async function killAt(role: Issuance['role'], moments: [string, Moment, number][]): Promise<Victim[]> {
  const victims: Victim[] = [];
  for (const [what, moment, nth] of moments) victims.push(await victim(what, moment, nth));
  const process = await startProcess(role);
  const asked = Promise.allSettled(victims.map((one) => ask(process, one)));
  await traps.hold(victims.length);
  await process.kill();
  await asked;
  await traps.release();
  return victims;
}

describe.each(['worker', 'api'] as const)('when a process with the role %s is killed at each write of what it issues', (role) => {
  const victims: Victim[] = [];
  const wrongs = async () => {
    const found = await Promise.all(victims.map(async ({ what, moment, nth, owner }) => [`${what}, ${moment} ${nth}`, await wrongsOf(app, keyRing, owner.id)]));
    return found.filter(([, sentences]) => sentences!.length > 0);
  };

  it('what is in use is on record, and nothing else', async () => {
    const moments = await everyMoment(role);
    expect(moments.length).toBeGreaterThan(4);
    for (let at = 0; at < moments.length; at += WAVE) victims.push(...(await killAt(role, moments.slice(at, at + WAVE))));
    expect(await wrongs()).toEqual([]);
  });

  it('the next one makes up for it, once', async () => {
    const process = await startProcess(role);
    await Promise.all(victims.map(again));
    await Promise.all(victims.map(done));
    await process.stop();
    expect(await wrongs()).toEqual([]);
    // Those of a request that was not answered are closed later, by a sweep.
    if (role === 'worker') expect(await openIntents()).toEqual([]);
  });
});
