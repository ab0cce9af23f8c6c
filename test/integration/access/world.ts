import { newId, systemClock, systemRandom } from '#libs/kernel';
import { Agent, Alert, ApiKey } from '#libs/model';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

/** What stands before `{id}` or `{slug}` in a path says what is meant. */
export type Kind =
  | 'tenants'
  | 'api-keys'
  | 'edge-sites'
  | 'collectors'
  | 'edge-packages'
  | 'checks'
  | 'agents'
  | 'certificates'
  | 'credentials'
  | 'authorities'
  | 'signing-keys'
  | 'operator/signing-keys'
  | 'alert-rules'
  | 'alert-channels'
  | 'alert-silences'
  | 'alerts';

/** A tenant with one thing of each kind that stays. */
export interface Holder {
  id: string;
  slug: string;
  api: Api;
  ids: Record<Kind, string>;
  /** Of its CA. */
  serial: string;
}

const PEOPLE = ['nobody', 'unknown', 'expired', 'revoked', 'viewer', 'operator', 'admin', 'other', 'other→', 'platform', 'platform→'] as const;
const SITE_KEYS = ['site', 'elsewhere'] as const;

export const PRINCIPALS = [...PEOPLE, ...SITE_KEYS] as const;

/** Which table has whose answers. */
export const TABLES = { 'access-matrix.md': PEOPLE, 'site-keys.md': SITE_KEYS };

/**
 * Who asks. The tenant in question is Acme. `unknown` shows the id of a key of Acme's with another secret, `expired` and `revoked` are
 * keys of its admins that were; `site` is an admin's key for sites with the labels that all of Acme's have, `elsewhere` one for sites with
 * others; `other` is the admin of another tenant, and an arrow means that `X-Tenant` names Acme.
 */
export type PrincipalName = (typeof PRINCIPALS)[number];

/** Three tenants: Acme, whose people ask; Globex, whose things are foreign to all of them; Initech, whose admin everything is foreign to. */
export interface World {
  app: TestApp;
  acme: Holder;
  globex: Holder;
  principals: Record<PrincipalName, Api>;
  /** A thing of Acme's that is used up. */
  fresh(kind: Kind): Promise<string>;
  /** A download token for a thing of Acme's. */
  token(kind: Kind, id: string): Promise<string>;
  /** Every row of every table, as far as requests that are refused must leave it alone, as one hash for each table. */
  rows(): Promise<Record<string, string>>;
}

/** Sites and collectors that a worker provisions before the matrix begins: what it makes later would change rows meanwhile. */
const SPARE = 9;

/** Every site has them. */
export const SITE_LABELS = { region: 'north', 'acme.example/line': '3 = "last"' };

/** Provisioned, and with nobody left who changes anything by himself. Close its `app` in `afterAll`. */
export async function startWorld(): Promise<World> {
  const app = await startTestApp({ ROLES: 'api,worker' });
  try {
    return await furnish(app);
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function furnish(app: TestApp): Promise<World> {
  const acme = await holder(app, 'Acme');
  const globex = await holder(app, 'Globex');
  const initech = await app.tenant('Initech');
  const sites = await several(() => site(acme.api, 'spare'));
  const collectors = await several(() => collector(acme.api, acme.ids['edge-sites']));
  for (const id of sites) await provisioned(acme.api, 'edge-sites', id);
  for (const id of collectors) await provisioned(acme.api, 'collectors', id);
  const certificates = [...(await certificatesOf(acme.api, sites.pop()!)), ...(await certificatesOf(acme.api, sites.pop()!))];
  const spare: Partial<Record<Kind, string[]>> = { 'edge-sites': sites, collectors, certificates };
  await app.restart({ ROLES: 'api', GATEWAY_ADDRESS: 'gateway.example.com:50052' });
  // A worker would resolve it, and send the message.
  for (const one of [acme, globex]) {
    one.ids.alerts = await insertAlert(app, { tenantId: one.id, alertRuleId: one.ids['alert-rules'], edgeSiteId: one.ids['edge-sites'] });
    await ok(one.api.post(`/admin/alert-channels/${one.ids['alert-channels']}/test`));
  }
  return {
    app,
    acme,
    globex,
    principals: await principalsOf(app, acme, initech.api),
    async fresh(kind) {
      const taken = spare[kind]?.pop() ?? (await MAKE[kind]?.(acme));
      if (taken === undefined) throw new Error(`There is no ${kind} left to use up: provision more of them, see SPARE.`);
      return taken;
    },
    token: async (kind, id) => (await ok(acme.api.post<{ token: string }>(`/admin/${kind}/${id}/download-tokens`))).token,
    rows: () => rowsOf(app),
  };
}

const several = (make: () => Promise<string>) => Promise.all(Array.from({ length: SPARE }, make));

/** What need not be provisioned to be used up. */
const MAKE: Partial<Record<Kind, (holder: Holder) => Promise<string>>> = {
  'api-keys': ({ api }) => made(api, '/admin/api-keys', { name: 'spare', role: 'viewer' }),
  credentials: ({ api }) => made(api, '/admin/nats/credentials', { name: 'spare', publish: ['spare'], subscribe: [], expires_in: 3600 }),
  'edge-packages': ({ api, ids }) => onboarding(api, ids['edge-sites']),
  checks: ({ api, ids }) => check(api, ids['edge-sites'], 'spare'),
  'alert-rules': ({ api }) => alertRule(api),
  'alert-channels': ({ api }) => alertChannel(api),
  'alert-silences': ({ api }) => alertSilence(api),
};

let components = 0;
const made = async (api: Api, path: string, body: unknown) => (await ok(api.post<{ id: string }>(path, body))).id;
const site = (api: Api, name: string) => made(api, '/admin/edge-sites', { name, slug: `site-${(components += 1)}`, labels: SITE_LABELS, nats_leaf_url: 'tls://nats.plant.example:4222' });
const collector = (api: Api, edgeSiteId: string) => made(api, '/admin/collectors', { collector_type: 'flowgger', edge_site_id: edgeSiteId });
const onboarding = (api: Api, edgeSiteId: string) =>
  made(api, '/admin/edge-packages', { label: 'spare', component_type: 'agent', component_id: `agent-${(components += 1)}`, edge_site_id: edgeSiteId });

const check = (api: Api, edgeSiteId: string, name: string) =>
  made(api, '/admin/checks', { name: `${name} ${(components += 1)}`, check_type: 'icmp', target: 'plc.local', edge_site_id: edgeSiteId });

/** One that has come, as the gateway writes it down. */
async function agent(app: TestApp, tenantId: string, edgeSiteId: string, hostname: string): Promise<string> {
  const id = newId(systemClock, systemRandom);
  const now = systemClock.now();
  const said = { version: '1', hostname, os: 'linux', arch: 'amd64', capabilities: [], labels: {}, configVersion: '' };
  const row = { id, tenantId, edgeSiteId, agentId: 'agent-1', ...said, gatewayId: 'gateway', firstSeenAt: now, lastSeenAt: now };
  await app.database.database.em(PLATFORM).insert(Agent, row);
  return id;
}

const alertRule = (api: Api) => made(api, '/admin/alert-rules', { name: 'spare', kind: 'drifted_for', threshold: 3600, severity: 'info' });
const alertChannel = (api: Api) => made(api, '/admin/alert-channels', { name: 'spare', kind: 'webhook', url: 'https://alerts.example/x', secret: 'x'.repeat(32) });
const alertSilence = (api: Api) => made(api, '/admin/alert-silences', { reason: 'spare', until: new Date(Date.now() + 3_600_000).toISOString() });

/** One that is open. Only workers make them, of what happens. @returns its id */
export async function insertAlert({ database: { database } }: TestApp, of: { tenantId: string; alertRuleId: string; edgeSiteId: string }): Promise<string> {
  const now = systemClock.now();
  const texts = { ruleName: 'x', kind: 'drifted_for', severity: 'info', siteName: 'x', siteSlug: 'x', summary: 'x', detail: {} } as const;
  const state = { status: 'open', since: now, openedAt: now, updatedAt: now, lastValue: 1 } as const;
  const id = newId(systemClock, systemRandom);
  const none = { toldChannelIds: [], clearSince: null, acknowledgedAt: null, acknowledgedBy: null, resolvedAt: null, resolution: null };
  await database.em(PLATFORM).insert(Alert, { id, ...of, ...texts, ...state, ...none, version: 1 });
  return id;
}

const certificatesOf = async (api: Api, siteId: string) =>
  (await ok(api.get<{ data: { id: string }[] }>(`/admin/certificates?edge_site_id=${siteId}`))).data.map(({ id }) => id);

async function provisioned(api: Api, kind: Kind, id: string): Promise<void> {
  await until(`${kind} ${id} is provisioned`, async () => {
    const { body } = await api.get<{ status: string; leaf_server?: { status: string } }>(`/admin/${kind}/${id}`);
    return ['provisioned', 'ready'].includes((body.leaf_server ?? body).status);
  });
}

/** A tenant, whose things are named after it. */
async function holder(app: TestApp, name: string): Promise<Holder> {
  const { id, slug, api } = await app.tenant(name);
  const siteId = await site(api, `A site of ${name}`);
  const collectorId = await collector(api, siteId);
  await provisioned(api, 'edge-sites', siteId);
  await provisioned(api, 'collectors', collectorId);
  const [certificateId] = await certificatesOf(api, siteId);
  const [ca] = (await ok(api.get<{ data: { id: string; serial_number: string }[] }>('/admin/pki/authorities'))).data;
  const [signingKey] = (await ok(api.get<{ data: { id: string }[] }>('/admin/nats/signing-keys'))).data;
  const operator = await ok(app.admin.get<{ signing_keys: { id: string }[] }>('/admin/nats/operator'));
  const ids = {
    tenants: id,
    'api-keys': await made(api, '/admin/api-keys', { name: `A key of ${name}`, role: 'viewer' }),
    'edge-sites': siteId,
    collectors: collectorId,
    'edge-packages': await onboarding(api, siteId),
    checks: await check(api, siteId, `A check of ${name}`),
    agents: await agent(app, id, siteId, `A host of ${name}`),
    certificates: certificateId!,
    credentials: await made(api, '/admin/nats/credentials', { name: `A user of ${name}`, publish: ['x'], subscribe: [], expires_in: 3600 }),
    authorities: ca!.id,
    'signing-keys': signingKey!.id,
    // There is one operator, and no tenant has it.
    'operator/signing-keys': operator.signing_keys[0]!.id,
    'alert-rules': await alertRule(api),
    'alert-channels': await alertChannel(api),
    'alert-silences': await alertSilence(api),
    // When no worker runs any more.
    alerts: '',
  };
  return { id, slug, api, ids, serial: ca!.serial_number };
}

async function principalsOf(app: TestApp, acme: Holder, other: Api): Promise<Record<PrincipalName, Api>> {
  const { key } = app.admin.credentials;
  const keyOfAcme = async () => {
    const created = await ok(acme.api.post<{ id: string; key: string }>('/admin/api-keys', { name: 'was an admin', role: 'admin' }));
    return { id: created.id, api: app.admin.as({ key: created.key }) };
  };
  const expired = await keyOfAcme();
  await app.database.database.em(PLATFORM).nativeUpdate(ApiKey, { id: expired.id }, { expiresAt: new Date(0) });
  const revoked = await keyOfAcme();
  await ok(acme.api.delete(`/admin/api-keys/${revoked.id}`));
  const [prefix, keyId] = acme.api.credentials.key!.split('_');
  return {
    nobody: app.admin.as({}),
    unknown: app.admin.as({ key: [prefix, keyId, 'x'.repeat(43)].join('_') }),
    expired: expired.api,
    revoked: revoked.api,
    viewer: await app.keyOf(acme.slug, 'viewer'),
    operator: await app.keyOf(acme.slug, 'operator'),
    admin: acme.api,
    site: await app.keyOf(acme.slug, 'admin', { site_labels: SITE_LABELS }),
    elsewhere: await app.keyOf(acme.slug, 'admin', { site_labels: { ...SITE_LABELS, region: 'south' } }),
    other,
    'other→': app.admin.as({ key: other.credentials.key!, tenant: acme.slug }),
    platform: app.admin,
    'platform→': app.admin.as({ key: key!, tenant: acme.slug }),
  };
}

/** When a key was last used is written down whatever it was used for, and what was refused may be audited. */
const LEFT_OUT = `tablename = 'mikro_orm_migrations' or tablename like 'audit\\_%'`;

async function rowsOf({ database: { database } }: TestApp): Promise<Record<string, string>> {
  const tables = await database.statement<{ name: string }>(PLATFORM, `select tablename as name from pg_tables where schemaname = 'public' and not (${LEFT_OUT})`, []);
  const hashes = tables.map(({ name }) => `select '${name}' as name, md5(coalesce(string_agg(row::text, ',' order by row::text), '')) as hash
    from (select to_jsonb(one) - 'last_used_at' as row from ${name} one) rows`);
  const found = await database.statement<{ name: string; hash: string }>(PLATFORM, hashes.join(' union all '), []);
  return Object.fromEntries(found.map(({ name, hash }) => [name, hash]));
}
