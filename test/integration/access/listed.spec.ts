import fc from 'fast-check';
import { ROLES, type Role, type Subject } from '#libs/contracts';
import { forEachOf, newId, systemClock, systemRandom } from '#libs/kernel';
import {
  Agent,
  Alert,
  AlertChannel,
  AlertRule,
  AlertSilence,
  ApiKey,
  AuditEvent,
  Certificate,
  Check,
  CollectorPackage,
  EdgeSite,
  type entities,
  NatsAccountKey,
  NatsUser,
  OnboardingPackage,
  Tenant,
  TenantCa,
} from '#libs/model';
import { abilityFor, authorize, type Labels, type Owned } from '#libs/policy';
import { type Api, ok } from '../../../lab/api.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { ROWS } from './requests.js';
import { insertAlert } from './world.js';

/** Lists whose rows can be got one by one over the API. */
const GETTABLE = [
  { path: '/admin/tenants', entity: Tenant },
  { path: '/admin/edge-sites', entity: EdgeSite },
  { path: '/admin/collectors', entity: CollectorPackage },
  { path: '/admin/edge-packages', entity: OnboardingPackage },
  { path: '/admin/checks', entity: Check },
  { path: '/admin/agents', entity: Agent },
  { path: '/admin/certificates', entity: Certificate },
  { path: '/admin/pki/authorities', entity: TenantCa },
  { path: '/admin/alert-rules', entity: AlertRule },
  { path: '/admin/alert-channels', entity: AlertChannel },
  { path: '/admin/alerts', entity: Alert },
];

/** Lists whose rows stand in no operation of their own: there, the rule for the single row has the word. */
const BY_RULE: { path: string; entity: (typeof entities)[number]; subject: Subject }[] = [
  { path: '/admin/api-keys', entity: ApiKey, subject: 'ApiKey' },
  { path: '/admin/nats/credentials', entity: NatsUser, subject: 'NatsCredential' },
  { path: '/admin/nats/signing-keys', entity: NatsAccountKey, subject: 'NatsAccount' },
  { path: '/admin/audit-events', entity: AuditEvent, subject: 'AuditEvent' },
  { path: '/admin/alert-silences', entity: AlertSilence, subject: 'AlertSilence' },
];

/** Lists of what belongs to sites. */
const OF_SITES = GETTABLE.filter(({ entity }) => ![Tenant, TenantCa, AlertRule, AlertChannel].some((other) => other === entity));
const OF_NO_SITE = [...GETTABLE.filter((one) => !OF_SITES.includes(one)), ...BY_RULE].map(({ path }) => ({ path }));

interface OfSite {
  id: string;
  /** Undefined for sites themselves. */
  edgeSiteId?: string | null;
}

/** A list of a thing’s own. */
const OF_ONE = ['/admin/edge-packages/{id}/events', '/admin/edge-sites/{id}/connections', '/admin/alerts/{id}/deliveries', '/admin/alert-channels/{id}/deliveries'];

const TENANTS = ['North', 'East', 'West'];

interface Principal {
  role: Role;
  /** Null for a platform admin who names none. */
  tenantId: string | null;
  api: Api;
}

let app: TestApp;
let tenants: { id: string; slug: string; api: Api }[];
let principals: Principal[];

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api' });
  tenants = [];
  principals = [{ role: 'platform_admin', tenantId: null, api: app.admin }];
  for (const name of TENANTS) {
    const tenant = await app.tenant(name);
    tenants.push(tenant);
    for (const role of ROLES) {
      const named = app.admin.as({ key: app.admin.credentials.key!, tenant: tenant.slug });
      principals.push({ role, tenantId: tenant.id, api: role === 'platform_admin' ? named : await app.keyOf(tenant.slug, role) });
    }
  }
});
afterAll(() => app.close());

let numbers = 0;

/** A site with a package of each kind, a check, an agent, a certificate and a NATS user. */
async function populate({ id: tenantId, api }: (typeof tenants)[number], labels: Labels = {}): Promise<void> {
  const make = async (path: string, body: unknown) => (await ok(api.post<{ id: string }>(path, body))).id;
  const number = (numbers += 1);
  const edge_site_id = await make('/admin/edge-sites', { name: 'x', slug: `site-${number}`, labels });
  await make('/admin/collectors', { collector_type: 'otel', edge_site_id });
  await make('/admin/edge-packages', { label: 'x', component_type: 'agent', component_id: `agent-${number}`, edge_site_id });
  await make('/admin/checks', { name: 'x', check_type: 'icmp', target: 'x', edge_site_id });
  await make('/admin/alert-channels', { name: 'x', kind: 'nats' });
  await make('/admin/alert-silences', { reason: 'x', until: new Date(Date.now() + 3_600_000).toISOString() });
  const alertRuleId = await make('/admin/alert-rules', { name: 'x', kind: 'drifted_for', threshold: 60, severity: 'info' });
  await insertAlert(app, { tenantId, alertRuleId, edgeSiteId: edge_site_id });
  await make('/admin/nats/credentials', { name: 'x', publish: ['x'], subscribe: [], expires_in: 60 });
  const id = newId(systemClock, systemRandom);
  const em = app.database.database.em(PLATFORM);
  const issuer = await em.findOneOrFail(TenantCa, { tenantId });
  const now = systemClock.now();
  const [times, texts] = [{ notBefore: now, notAfter: now, createdAt: now }, { commonName: null, spiffeId: null, certificatePem: 'signed' }];
  const signed = { kind: 'leaf', status: 'issued', serialNumber: id, intent: {}, version: 1 } as const;
  await em.insert(Certificate, { id, tenantId, issuerId: issuer.id, ...signed, ...times, ...texts });
  const said = { version: '', hostname: '', os: '', arch: '', capabilities: [], labels: {}, configVersion: '', gatewayId: '' };
  await em.insert(Agent, { id, tenantId, edgeSiteId: edge_site_id, agentId: `agent-${number}`, ...said, firstSeenAt: now, lastSeenAt: now });
}

/** Everything there is of a kind. */
const allOf = async (entity: (typeof entities)[number]) =>
  (await app.database.database.em(PLATFORM).find(entity as never, {})) as { id: string; tenantId?: string | null }[];

/** Every page of a list; nothing for whom it is closed to. */
async function listed(api: Api, path: string, limit: number): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body }: { status: number; body: { data: { id: string }[]; next_cursor: string | null } } = await api.get(
      `${path}?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    if (status !== 200) return [];
    ids.push(...body.data.map(({ id }) => id));
    cursor = body.next_cursor;
  }
  return ids;
}

const mayRead = ({ role, tenantId }: Principal, subject: Subject, object: Owned) => {
  try {
    authorize(abilityFor({ role, tenantId }), 'read', subject, object);
    return true;
  } catch {
    return false;
  }
};

/** Any principal, any page size, and more things of any tenants than before. */
const anything = () =>
  [
    fc.nat({ max: principals.length - 1 }),
    fc.integer({ min: 1, max: 7 }),
    fc.array(fc.nat({ max: TENANTS.length - 1 }), { maxLength: 2 }),
  ] as const;

/** To make a failure smaller would take longer than to read it. */
/** Things that are asked for at the same time: more would have to wait for a connection to the database. */
const AT_A_TIME = 8;

/** The status that each thing is answered with. */
async function statuses(api: Api, path: string, ids: readonly string[]): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  await forEachOf(ids, AT_A_TIME, async (id) => void (found[id] = (await api.get(`${path}/${id}`)).status));
  return found;
}

const RUNS = { numRuns: 8, endOnFailure: true };

describe('what is listed', () => {
  it.each(GETTABLE)('at $path is exactly what can be got one by one, for whoever asks', async ({ path, entity }) => {
    await fc.assert(
      fc.asyncProperty(...anything(), async (who, limit, more) => {
        for (const tenant of more) await populate(tenants[tenant]!);
        const { api } = principals[who]!;
        const answers = await statuses(api, path, (await allOf(entity)).map(({ id }) => id));
        expect(Object.values(answers).every((status) => status < 500)).toBe(true);
        expect((await listed(api, path, limit)).sort()).toEqual(Object.keys(answers).filter((id) => answers[id] === 200).sort());
      }),
      RUNS,
    );
  });

  it.each(BY_RULE)('at $path is exactly what the rules let be read one by one, for whoever asks', async ({ path, entity, subject }) => {
    await fc.assert(
      fc.asyncProperty(...anything(), async (who, limit, more) => {
        for (const tenant of more) await populate(tenants[tenant]!);
        const principal = principals[who]!;
        const readable = (await allOf(entity)).filter(({ tenantId = null }) => mayRead(principal, subject, { tenantId })).map(({ id }) => id);
        expect((await listed(principal.api, path, limit)).sort()).toEqual(readable.sort());
      }),
      RUNS,
    );
  });

  it.each(OF_SITES)('at $path to a key for some sites is what belongs to those that have its labels just now, and so is what can be got', async ({ path, entity }) => {
    const labels = fc.dictionary(fc.constantFrom('region', 'acme.example/line'), fc.constantFrom('1', '"2" = {}'), { maxKeys: 2, noNullPrototype: true });
    const selector = labels.filter((one) => Object.keys(one).length > 0);
    const found: number[] = [];
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: TENANTS.length - 1 }), selector, fc.constantFrom(...ROLES.slice(1)), fc.array(labels, { minLength: 1, maxLength: 3 }), labels, async (of, own, role, made, changed) => {
        const tenant = tenants[of]!;
        const api = await app.keyOf(tenant.slug, role, { site_labels: own });
        // Another tenant's site with the same labels is none of its.
        await populate(tenants[(of + 1) % TENANTS.length]!, own);
        for (const one of made) await populate(tenant, one);
        for (const now of [own, changed]) {
          const { data } = await ok(tenant.api.get<{ data: { id: string }[] }>('/admin/edge-sites?limit=1'));
          await ok(tenant.api.patch(`/admin/edge-sites/${data[0]!.id}`, { labels: now }));
          const sites = new Map((await app.database.database.em(PLATFORM).find(EdgeSite, { tenantId: tenant.id })).map((site) => [site.id, site.labels]));
          const belongs = ({ id, edgeSiteId }: OfSite) => Object.entries(own).every(([key, value]) => sites.get(edgeSiteId ?? id)?.[key] === value);
          const all = (await allOf(entity)) as OfSite[];
          const rightful = all.filter(belongs).map(({ id }) => id);
          const answers = await statuses(api, path, all.map(({ id }) => id));
          expect((await listed(api, path, 3)).sort()).toEqual(rightful.sort());
          expect(answers).toEqual(Object.fromEntries(all.map(({ id }) => [id, rightful.includes(id) ? 200 : 404])));
          found.push(rightful.length);
        }
      }),
      { ...RUNS, numRuns: 3 },
    );
    expect(Math.max(...found)).toBeGreaterThan(0);
  });

  it.each(OF_NO_SITE)('at $path is nothing to a key for some sites', async ({ path }) => {
    expect((await (await app.keyOf(tenants[0]!.slug, 'admin', { site_labels: { region: '1' } })).get(path)).status).toBe(403);
  });

  it('is looked at here wherever openapi.yaml has a list', () => {
    const lists = ROWS.filter(({ ids }) => ids === 'query.cursor').map(({ path }) => path.replace(/^\/api/, ''));
    expect([...[...GETTABLE, ...BY_RULE].map(({ path }) => path), ...OF_ONE].sort()).toEqual(lists.sort());
  });
});
