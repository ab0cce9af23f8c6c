import { systemRandom } from '#libs/kernel';
import { Certificate, type Tenant } from '#libs/model';
import { generateKeyPair, parseCertificate, planServicesCa } from '#libs/pki';
import { type Database, PLATFORM } from '../../../src/platform/database/index.js';
import { systemCaller } from '../../../src/platform/auth/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';
import { opensslVerify } from './openssl.js';
import { createTenant, leafPlans, type Pki, startPki } from './pki-fixture.js';

const SITE = '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70';

let db: TestDatabase;
let database: Database;
let pki: Pki;
let tenant: Tenant;

beforeAll(async () => {
  db = await startTestDatabase();
  database = db.database;
});
afterAll(() => db.close());
beforeEach(async () => {
  await db.empty();
  pki = startPki(database);
  tenant = await createTenant(database, pki, 'acme');
});

const scope = () => ({ tenantId: tenant.id });

const intend = (generation = 1) =>
  database.transaction(scope(), (em) =>
    pki.certificates.intend(em, tenant.id, leafPlans(tenant, 'nyc', pki).map((intent) => ({ intent, edgeSiteId: SITE, generation }))),
  );

const sign = (certificate: Certificate) => pki.certificates.sign(certificate, generateKeyPair().publicKey);

const abandon = (options: { generation?: number } = {}) =>
  database.transaction(scope(), (em) => pki.certificates.abandon(em, { edgeSiteId: SITE, ...options }));

const onRecord = () => database.em(scope()).find(Certificate, {}, { orderBy: { generation: 'asc', kind: 'asc' } });

const statuses = async () => (await onRecord()).map(({ status, generation }) => `${generation} ${status}`).sort();

async function issueLeaf(generation = 1): Promise<Certificate[]> {
  const intended = await intend(generation);
  const signed = await pki.certificates.signAll(
    intended.map((certificate) => ({ certificate, publicKey: generateKeyPair().publicKey })),
  );
  return database.transaction(scope(), (em) =>
    Promise.all(intended.map((certificate, at) => pki.certificates.issue(em, certificate, signed[at]!))),
  );
}

describe('issuing a certificate', () => {
  it('records the intent, signs it, and stores what was signed', async () => {
    const [intended] = await intend();
    expect((await onRecord())[0]).toMatchObject({ status: 'intended', serialNumber: intended!.serialNumber, certificatePem: null });

    const signed = await sign(intended!);
    await database.transaction(scope(), (em) => pki.certificates.issue(em, intended!, signed));

    const [issued] = await onRecord();
    expect(issued).toMatchObject({
      kind: 'leaf',
      status: 'issued',
      commonName: 'leaf.nyc.acme.serviceradar',
      spiffeId: 'spiffe://serviceradar.local/nats_leaf/acme/nyc/leaf',
      certificatePem: signed.certificatePem,
    });
    expect(parseCertificate(issued!.certificatePem!)).toMatchObject({
      serialNumber: intended!.serialNumber,
      notBefore: issued!.notBefore,
      notAfter: issued!.notAfter,
    });
    const { chainPem } = await pki.authorities.chainOf(database.em(scope()), tenant.id);
    expect(await opensslVerify({ trusted: chainPem, certificate: issued!.certificatePem! })).toBe('OK');
  });

  it('gives each certificate the hosts that were planned for it', async () => {
    const [, listener] = await issueLeaf();
    expect(parseCertificate(listener!.certificatePem!).ipAddresses).toContain('192.0.2.7');
  });

  it('does not issue a CA', async () => {
    const intent = planServicesCa({ issuer: await pki.platform.root() }, { clock: pki.clock, random: systemRandom });
    const intending = database.transaction(scope(), (em) => pki.certificates.intend(em, tenant.id, [{ intent }]));
    await expect(intending).rejects.toMatchObject({ code: 'profile_violation' });
    expect(await onRecord()).toEqual([]);
  });

  it('works in another process than the one that intended', async () => {
    const [intended] = await intend();
    const elsewhere = startPki(database);
    const signed = await elsewhere.certificates.sign(intended!, generateKeyPair().publicKey);
    expect(signed.serialNumber).toBe(intended!.serialNumber);
  });
});

describe('signing', () => {
  it('is refused before the intent is committed', async () => {
    await database.transaction(scope(), async (em) => {
      const [uncommitted] = await pki.certificates.intend(em, tenant.id, [{ intent: leafPlans(tenant, 'nyc', pki)[0]! }]);
      await em.flush();
      await expect(sign(uncommitted!)).rejects.toMatchObject({ code: 'conflict', retryable: true });
    });
  });

  const changes: Record<string, (row: Certificate) => Partial<Certificate>> = {
    'another DNS name in the intent': ({ intent }) => ({ intent: { ...intent, dnsNames: ['hub.example.com'] } }),
    'another SPIFFE ID in intent and column': ({ intent }) => {
      const spiffeId = 'spiffe://serviceradar.local/nats_leaf/acme/paris/leaf';
      return { intent: { ...intent, spiffeId }, spiffeId };
    },
    'a later end in the intent': ({ intent }) => ({ intent: { ...intent, notAfter: '2040-01-01T00:00:00.000Z' } }),
    'another serial number in the column': () => ({ serialNumber: '5f'.repeat(16) }),
    'a CA made of it': ({ intent }) => ({ intent: { ...intent, isCa: true, keyUsage: ['keyCertSign'] } }),
    'the key usage taken away': ({ intent: { keyUsage: _, ...intent } }) => ({ intent }),
    'another issuer': () => ({ issuerId: SITE }),
  };
  it.each(Object.entries(changes))('is refused when the row was changed since: %s', async (_what, change) => {
    const [intended] = await intend();
    const changed = change(intended!);
    expect(await database.em(scope()).nativeUpdate(Certificate, { id: intended!.id }, changed)).toBe(1);
    await expect(sign(intended!)).rejects.toMatchObject({ code: 'profile_violation' });
  });

  it('is refused for all of several when one is not open', async () => {
    const intended = await intend();
    await database.em(scope()).nativeUpdate(Certificate, { id: intended[1]!.id }, { status: 'abandoned' });
    const { publicKey } = generateKeyPair();
    const signing = pki.certificates.signAll(intended.map((certificate) => ({ certificate, publicKey })));
    await expect(signing).rejects.toMatchObject({ code: 'conflict', context: { certificate: intended[1]!.id, status: 'abandoned' } });
  });

  it('is refused when the certificate in hand was changed', async () => {
    const [intended] = await intend();
    intended!.intent = { ...intended!.intent, dnsNames: ['hub.example.com'] };
    await expect(sign(intended!)).rejects.toMatchObject({ code: 'profile_violation' });
  });

  it('is refused for another tenant’s CA', async () => {
    const other = await createTenant(database, pki, 'other');
    const [foreign] = await database.transaction({ tenantId: other.id }, (em) =>
      pki.certificates.intend(em, other.id, [{ intent: leafPlans(tenant, 'nyc', pki)[0]! }]),
    );
    await expect(sign(foreign!)).rejects.toMatchObject({ code: 'profile_violation' });
  });
});

describe('when a worker dies between the intent and the signature', () => {
  it('the next run closes the intents and makes new ones, and what was left can be neither signed nor issued', async () => {
    const left = await intend();
    const signedByTheDead = await sign(left[0]!);

    expect(await abandon({ generation: 1 })).toHaveLength(left.length);
    await issueLeaf();

    expect(await statuses()).toEqual(['1 abandoned', '1 abandoned', '1 issued', '1 issued']);
    await expect(sign(left[1]!)).rejects.toMatchObject({ code: 'conflict', retryable: true });
    await expect(
      database.transaction(scope(), (em) => pki.certificates.issue(em, left[0]!, signedByTheDead)),
    ).rejects.toMatchObject({ code: 'conflict', retryable: true });
    expect(new Set((await onRecord()).map(({ serialNumber }) => serialNumber)).size).toBe(4);
  });

  it('closes the intents of one generation when told so, and of all otherwise', async () => {
    await intend(1);
    await intend(2);
    await abandon({ generation: 1 });
    expect(await statuses()).toEqual(['1 abandoned', '1 abandoned', '2 intended', '2 intended']);
    await abandon();
    expect(await statuses()).toEqual(['1 abandoned', '1 abandoned', '2 abandoned', '2 abandoned']);
  });

  it('leaves what was issued alone', async () => {
    await issueLeaf();
    expect(await abandon()).toEqual([]);
    expect(await statuses()).toEqual(['1 issued', '1 issued']);
  });
});

describe('revoking what a site has', () => {
  const revoke = (upToGeneration?: number) =>
    database.transaction(scope(), (em) =>
      pki.certificates.revokeOfSite(em, systemCaller('test', tenant.id), SITE, {
        reason: 'superseded',
        ...(upToGeneration === undefined ? {} : { upToGeneration }),
      }),
    );

  it('spares later generations', async () => {
    await issueLeaf(1);
    await issueLeaf(2);
    await revoke(1);
    expect(await statuses()).toEqual(['1 revoked', '1 revoked', '2 issued', '2 issued']);
  });

  it('says why and when', async () => {
    await issueLeaf();
    await revoke();
    expect((await onRecord())[0]).toMatchObject({ revocationReason: 'superseded', revokedAt: pki.clock.now() });
  });

  it('reaches what is just being issued', async () => {
    const [intended] = await intend();
    const signed = await sign(intended!);
    await revoke();
    const issuing = database.transaction(scope(), (em) => pki.certificates.issue(em, intended!, signed));
    await expect(issuing).rejects.toMatchObject({ code: 'conflict' });
    expect(await statuses()).toEqual(['1 revoked', '1 revoked']);
  });

  it('can be done again', async () => {
    await issueLeaf();
    await revoke();
    expect(await revoke()).toEqual([]);
  });

  it('does not touch another tenant’s site', async () => {
    await issueLeaf();
    const other = await createTenant(database, pki, 'other');
    const revoked = await database.transaction({ tenantId: other.id }, (em) =>
      pki.certificates.revokeOfSite(em, systemCaller('test', other.id), SITE, { reason: 'superseded' }),
    );
    expect(revoked).toEqual([]);
    expect(await statuses()).toEqual(['1 issued', '1 issued']);
  });
});

describe('certificates', () => {
  it('are invisible to another tenant, and to a session of no tenant', async () => {
    await issueLeaf();
    const other = await createTenant(database, pki, 'other');
    const asOther = database.em({ tenantId: other.id });
    expect(await asOther.find(Certificate, {})).toEqual([]);
    // Row-level security alone, without the ORM's filter.
    expect(await asOther.execute('select id from certificates')).toEqual([]);
    expect(await database.em(PLATFORM).execute('select id from certificates')).toHaveLength(2);
  });

  it('cannot be given to another tenant', async () => {
    const other = await createTenant(database, pki, 'other');
    const intending = database.transaction({ tenantId: other.id }, async (em) => {
      const [certificate] = await pki.certificates.intend(em, other.id, [{ intent: leafPlans(other, 'nyc', pki)[0]! }]);
      certificate!.tenantId = tenant.id;
    });
    await expect(intending).rejects.toThrow('row-level security');
  });
});
