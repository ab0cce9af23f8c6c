import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Role } from '#libs/contracts';
import { newId, systemClock, systemRandom } from '#libs/kernel';
import { ApiKey, AuditEvent, Certificate, type Tenant } from '#libs/model';
import { generateKeyPair } from '#libs/pki';
import { PkiModule } from '../../../src/pki/index.js';
import { AuditModule } from '../../../src/platform/audit/index.js';
import { AuthModule, formatApiKey, hashSecret, newApiKey, systemCaller } from '../../../src/platform/auth/index.js';
import { ClockModule } from '../../../src/platform/clock.js';
import { ConfigModule, parseConfig } from '../../../src/platform/config/index.js';
import { Database, PLATFORM } from '../../../src/platform/database/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { MetricsModule } from '../../../src/platform/metrics/index.js';
import { ProblemModule } from '../../../src/platform/problem/index.js';
import { RateLimitModule } from '../../../src/platform/rate-limit/index.js';
import { ValidationModule } from '../../../src/platform/validation/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';
import { opensslCrlText, opensslVerify } from './openssl.js';
import { createTenant, keyRing, leafPlans, type Pki, startPki } from './pki-fixture.js';

const SITE = '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70';
const ABSENT = '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e71';

let db: TestDatabase;
let app: NestFastifyApplication;
let pki: Pki;
let acme: Tenant;
let other: Tenant;
let keys: Record<'admin' | 'viewer' | 'other' | 'platform', string>;

beforeAll(async () => {
  db = await startTestDatabase();
  app = await startApi(db.database);
});
afterAll(async () => {
  await app.close();
  await db.close();
});
// The CAs stay: a process reads them once, when it starts.
beforeEach(async () => {
  pki = startPki(db.database, systemClock);
  const run = newId(systemClock, systemRandom).slice(0, 13) + systemRandom(3).toString('hex');
  acme = await createTenant(db.database, pki, `acme-${run}`);
  other = await createTenant(db.database, pki, `other-${run}`);
  keys = {
    admin: await addKey('admin', acme.id),
    viewer: await addKey('viewer', acme.id),
    other: await addKey('admin', other.id),
    platform: await addKey('platform_admin', null),
  };
});

async function startApi(database: Database): Promise<NestFastifyApplication> {
  const providers = [{ provide: Database, useValue: database }, { provide: KeyRing, useValue: keyRing }];
  @Global()
  @Module({ providers, exports: [Database, KeyRing] })
  class TestPlatform {}

  const imports = [TestPlatform, ConfigModule.forRoot(parseConfig({})), ClockModule, MetricsModule, AuditModule, AuthModule, ProblemModule, ValidationModule, RateLimitModule, PkiModule];
  const module = await Test.createTestingModule({ imports }).compile();
  const started = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  started.setGlobalPrefix('api');
  await started.init();
  await started.getHttpAdapter().getInstance().ready();
  return started;
}

async function addKey(role: Role, tenantId: string | null): Promise<string> {
  const parts = newApiKey(systemRandom);
  await db.database.transaction(PLATFORM, async (em) => {
    em.create(ApiKey, {
      id: newId(systemClock, systemRandom),
      tenantId,
      name: role,
      role,
      scopes: [],
      siteLabels: {},
      keyId: parts.keyId,
      secretHash: hashSecret(parts.secret),
      expiresAt: null,
      lastUsedAt: null,
      revokedAt: null,
      createdBy: 'test',
      createdAt: new Date(),
    });
  });
  return formatApiKey(parts);
}

async function issueLeaf(tenant: Tenant, generation = 1, edgeSiteId = SITE): Promise<Certificate[]> {
  const scope = { tenantId: tenant.id };
  const plans = leafPlans(tenant, 'nyc', pki).map((intent) => ({ intent, edgeSiteId, generation }));
  const intended = await db.database.transaction(scope, (em) => pki.certificates.intend(em, tenant.id, plans));
  return Promise.all(
    intended.map(async (certificate) => {
      const signed = await pki.certificates.sign(certificate, generateKeyPair().publicKey);
      return db.database.transaction(scope, (em) => pki.certificates.issue(em, certificate, signed));
    }),
  );
}

type Key = keyof typeof keys;

async function call(as: Key | undefined, method: 'GET' | 'POST', url: string, body?: object, headers: Record<string, string> = {}) {
  const authorization = as === undefined ? {} : { authorization: `Bearer ${keys[as]}` };
  const reply = await app.inject({ method, url: `/api${url}`, headers: { ...authorization, ...headers }, ...(body && { payload: body }) });
  return {
    status: reply.statusCode,
    headers: reply.headers,
    bytes: reply.rawPayload,
    text: reply.payload,
    get json(): Record<string, unknown> & { data: Record<string, unknown>[]; next_cursor: string | null } {
      return reply.json();
    },
  };
}

const get = (as: Key | undefined, url: string, headers?: Record<string, string>) => call(as, 'GET', url, undefined, headers);

const revoke = (as: Key, id: string, reason = 'keyCompromise') => call(as, 'POST', `/admin/certificates/${id}/revoke`, { reason });

describe('GET /api/admin/certificates', () => {
  it('shows the tenant’s certificates with their wire names, and no key, intent or PEM', async () => {
    const [leaf] = await issueLeaf(acme);
    const { status, json } = await get('viewer', '/admin/certificates?kind=leaf');
    expect(status).toBe(200);
    expect(json).toEqual({
      data: [
        {
          id: leaf!.id,
          kind: 'leaf',
          status: 'issued',
          serial_number: leaf!.serialNumber,
          common_name: leaf!.commonName,
          spiffe_id: `spiffe://serviceradar.local/nats_leaf/${acme.slug}/nyc/leaf`,
          not_before: leaf!.notBefore.toISOString(),
          not_after: leaf!.notAfter.toISOString(),
          revoked_at: null,
          revocation_reason: null,
          edge_site_id: SITE,
          generation: 1,
          collector_package_id: null,
        },
      ],
      next_cursor: null,
    });
  });

  it('shows nothing of another tenant’s', async () => {
    await issueLeaf(acme);
    expect((await get('other', '/admin/certificates')).json.data).toEqual([]);
  });

  it('goes through all of them page by page, newest first', async () => {
    for (const generation of [1, 2, 3]) await issueLeaf(acme, generation);
    const ids: unknown[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const { json } = await get('viewer', `/admin/certificates?limit=4${cursor ? `&cursor=${cursor}` : ''}`);
      ids.push(...json.data.map(({ id }) => id));
      cursor = json.next_cursor;
    }
    expect(ids).toEqual([...ids].sort().reverse());
    expect(new Set(ids).size).toBe(6);
  });

  it('filters by site and by status', async () => {
    const [leaf] = await issueLeaf(acme);
    await issueLeaf(acme, 1, ABSENT);
    await revoke('admin', leaf!.id);
    const ids = (await get('viewer', `/admin/certificates?edge_site_id=${SITE}&status=revoked`)).json.data.map(({ id }) => id);
    expect(ids).toEqual([leaf!.id]);
    expect((await get('viewer', '/admin/certificates?status=issued')).json.data).toHaveLength(3);
  });

  it.each(['kind=root', 'status=lost', 'edge_site_id=7', 'sort=id'])('refuses ?%s', async (query) => {
    expect((await get('viewer', `/admin/certificates?${query}`)).status).toBe(422);
  });

  it('shows a platform admin who names no tenant those of the platform, and of a tenant when it names one', async () => {
    await issueLeaf(acme);
    await pki.certificates.issueService({ service: 'nats-hub', hosts: ['hub.example.com'] });
    const kinds = (page: { data: Record<string, unknown>[] }) => new Set(page.data.map(({ kind }) => kind));
    expect(kinds((await get('platform', '/admin/certificates')).json)).toEqual(new Set(['service']));
    const named = await get('platform', '/admin/certificates', { 'x-tenant': acme.slug });
    expect(kinds(named.json)).toEqual(new Set(['leaf', 'leaf_listener']));
  });

  it('is closed to strangers', async () => {
    expect((await get(undefined, '/admin/certificates')).status).toBe(401);
  });
});

describe('GET /api/admin/certificates/:id', () => {
  it('shows one', async () => {
    const [leaf] = await issueLeaf(acme);
    expect((await get('viewer', `/admin/certificates/${leaf!.id}`)).json).toMatchObject({ id: leaf!.id, status: 'issued' });
  });

  it('answers the same for what is another tenant’s, what is not there, and what is no id', async () => {
    const [leaf] = await issueLeaf(acme);
    for (const id of [leaf!.id, ABSENT, 'x']) {
      const { status, json } = await get('other', `/admin/certificates/${id}`);
      expect({ status, code: json.code }).toEqual({ status: 404, code: 'not_found' });
    }
  });
});

describe('POST /api/admin/certificates/:id/revoke', () => {
  it('revokes, says why and when, and what is left to do', async () => {
    const [leaf] = await issueLeaf(acme);
    const { status, json } = await revoke('admin', leaf!.id);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      status: 'revoked',
      revocation_reason: 'keyCompromise',
      revoked_at: expect.any(String) as unknown,
      next_step: {
        action: 'regenerate_leaf_server',
        detail: expect.stringContaining(`/api/admin/edge-sites/${SITE}/leaf-server/regenerate`) as unknown,
      },
    });
  });

  it('stands in the audit', async () => {
    const [leaf] = await issueLeaf(acme);
    await revoke('admin', leaf!.id);
    const events = await db.database.em({ tenantId: acme.id }).find(AuditEvent, { action: 'certificate.revoke' });
    expect(events).toMatchObject([
      { subjectId: leaf!.id, actor: expect.stringMatching(/^api_key:/) as unknown, detail: { reason: 'keyCompromise', serial_number: leaf!.serialNumber } },
    ]);
  });

  it('is an illegal transition the second time, and the first reason stays', async () => {
    const [leaf] = await issueLeaf(acme);
    await revoke('admin', leaf!.id, 'superseded');
    const again = await revoke('admin', leaf!.id);
    expect({ status: again.status, code: again.json.code }).toEqual({ status: 409, code: 'illegal_transition' });
    expect((await get('viewer', `/admin/certificates/${leaf!.id}`)).json.revocation_reason).toBe('superseded');
  });

  it('lets one of many at once through', async () => {
    const [leaf] = await issueLeaf(acme);
    const statuses = await Promise.all(Array.from({ length: 8 }, async () => (await revoke('admin', leaf!.id)).status));
    expect(statuses.sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
  });

  it('is forbidden to a viewer, and finds nothing for another tenant', async () => {
    const [leaf] = await issueLeaf(acme);
    expect((await revoke('viewer', leaf!.id)).status).toBe(403);
    expect((await revoke('other', leaf!.id)).status).toBe(404);
    expect((await get('viewer', `/admin/certificates/${leaf!.id}`)).json.status).toBe('issued');
  });

  it.each(['removeFromCRL', 'cACompromise', 'key_compromise', ''])('refuses the reason "%s"', async (reason) => {
    const [leaf] = await issueLeaf(acme);
    const { status, json } = await revoke('admin', leaf!.id, reason);
    expect({ status, errors: json.errors }).toMatchObject({ status: 422, errors: [{ pointer: '/reason' }] });
  });
});

describe('what is public of a tenant', () => {
  const crl = (headers?: Record<string, string>) => get(undefined, `/pki/tenants/${acme.slug}/crl`, headers);
  const chain = () => get(undefined, `/pki/tenants/${acme.slug}/ca.pem`);

  it('lets anybody verify a certificate until it is revoked, and from then on no more', async () => {
    const [leaf, listener] = await issueLeaf(acme);
    const trusted = (await chain()).text;
    const verify = async (certificate: string) => opensslVerify({ trusted, certificate, crl: (await crl()).bytes });

    expect(await verify(leaf!.certificatePem!)).toBe('OK');
    await revoke('admin', leaf!.id);
    expect(await verify(leaf!.certificatePem!)).toBe('certificate revoked');
    expect(await verify(listener!.certificatePem!)).toBe('OK');
  });

  it('lets nobody verify another tenant’s certificate by its CA alone', async () => {
    const [leaf] = await issueLeaf(other);
    const [tenantCa] = (await chain()).text.split(/(?<=-----END CERTIFICATE-----\n)/);
    const verdict = await opensslVerify({ trusted: tenantCa!, certificate: leaf!.certificatePem! });
    expect(verdict).toBe('unable to get local issuer certificate');
  });

  it('is of the types that are registered for it', async () => {
    expect((await chain()).headers['content-type']).toMatch(/^application\/x-pem-file/);
    expect((await crl()).headers['content-type']).toBe('application/pkix-crl');
  });

  it('names the reason and the serial in the list, which is good for 24 hours', async () => {
    const [leaf] = await issueLeaf(acme);
    await revoke('admin', leaf!.id, 'keyCompromise');
    const text = await opensslCrlText((await crl()).bytes);
    expect(text).toContain(`Serial Number: ${leaf!.serialNumber.toUpperCase()}`);
    expect(text).toContain('Key Compromise');
    const time = (name: string) => Date.parse(new RegExp(`${name}: (.*)`).exec(text)![1]!);
    expect(time('Next Update') - time('Last Update')).toBe(24 * 60 * 60 * 1000);
  });

  it('numbers each list higher than the one before', async () => {
    const number = async () => Number(/X509v3 CRL Number: \s+(\w+)/.exec(await opensslCrlText((await crl()).bytes))![1]);
    const first = await number();
    const [leaf] = await issueLeaf(acme);
    await revoke('admin', leaf!.id);
    expect(await number()).toBe(first + 1);
  });

  it('is not sent again to who has the list already, until something is revoked', async () => {
    const [leaf] = await issueLeaf(acme);
    const etag = String((await crl()).headers.etag);
    const unchanged = await crl({ 'if-none-match': etag });
    expect({ status: unchanged.status, length: unchanged.bytes.length }).toEqual({ status: 304, length: 0 });
    await revoke('admin', leaf!.id);
    const changed = await crl({ 'if-none-match': etag });
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
  });

  it('shows a revocation that another process made', async () => {
    const [leaf] = await issueLeaf(acme);
    await crl();
    await db.database.transaction({ tenantId: acme.id }, (em) =>
      pki.certificates.revokeOfSite(em, systemCaller('test', acme.id), SITE, { reason: 'superseded' }),
    );
    expect(await opensslCrlText((await crl()).bytes)).toContain(leaf!.serialNumber.toUpperCase());
  });

  it('gives each list a number of its own, however many ask at once', async () => {
    const lists = await Promise.all(Array.from({ length: 16 }, crl));
    const byNumber = new Map(lists.map(({ headers, bytes }) => [headers.etag, bytes.toString('hex')]));
    for (const { headers, bytes } of lists) expect(bytes.toString('hex')).toBe(byNumber.get(headers.etag));
  });

  it.each(['ca.pem', 'crl'])('is not found for a tenant that is not there: %s', async (file) => {
    const { status, json } = await get(undefined, `/pki/tenants/nobody/${file}`);
    expect({ status, code: json.code }).toEqual({ status: 404, code: 'not_found' });
  });
});
