import { X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { systemRandom } from '#libs/kernel';
import { PlatformCa, Tenant, TenantCa } from '#libs/model';
import { generateKeyPair, planRootCa, signRootCertificate } from '#libs/pki';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';
import { opensslVerify } from './openssl.js';
import { createTenant, startPki, TestClock } from './pki-fixture.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await startTestDatabase();
});
beforeEach(() => db.empty());
afterAll(() => db.close());

function newRoot() {
  const keyPair = generateKeyPair();
  const intent = planRootCa({ clock: new TestClock(), random: systemRandom });
  return { certificatePem: signRootCertificate(intent, keyPair).certificatePem, privateKeyPem: keyPair.privateKeyPem };
}

const platformCas = () => db.database.em(PLATFORM).find(PlatformCa, {}, { orderBy: { kind: 'asc' } });

describe('the CAs of the platform', () => {
  describe('when eight processes start at once on an empty database', () => {
    it('are one root and one services CA, the same for all', async () => {
      const processes = Array.from({ length: 8 }, () => startPki(db.database));
      await Promise.all(processes.map(({ authorities }) => authorities.ensurePlatform()));
      const cas = await platformCas();
      expect(cas.map(({ kind }) => kind)).toEqual(['root', 'services']);
      const roots = await Promise.all(processes.map(({ authorities }) => authorities.rootPem()));
      expect(new Set(roots)).toEqual(new Set([cas[0]!.certificatePem]));
    });
  });

  describe('once made', () => {
    it('are found again by the next process', async () => {
      const first = startPki(db.database);
      const next = startPki(db.database);
      const made = await first.platform.services();
      expect(await next.platform.services()).toMatchObject({ id: made.id, certificatePem: made.certificatePem });
    });

    it('chain, by what openssl says', async () => {
      await startPki(db.database).authorities.ensurePlatform();
      const [root, services] = await platformCas();
      expect(await opensslVerify({ trusted: root!.certificatePem, certificate: services!.certificatePem })).toBe('OK');
    });

    it('have their keys encrypted, each for its own row', async () => {
      await startPki(db.database).authorities.ensurePlatform();
      const [root, services] = await platformCas();
      expect(inspect([root, services])).not.toContain('PRIVATE KEY');
      await db.database.em(PLATFORM).nativeUpdate(PlatformCa, { id: services!.id }, { privateKeyCiphertext: root!.privateKeyCiphertext });
      await expect(startPki(db.database).authorities.ensurePlatform()).rejects.toThrow('A stored secret cannot be read');
    });

    it('are out of a tenant’s reach', async () => {
      const pki = startPki(db.database);
      const tenant = await createTenant(db.database, pki, 'acme');
      await expect(db.database.em({ tenantId: tenant.id }).find(PlatformCa, {})).rejects.toThrow('permission denied');
    });
  });

  describe('when a root is imported', () => {
    it('are that root, and a services CA under it', async () => {
      const imported = newRoot();
      await startPki(db.database, new TestClock(), imported).authorities.ensurePlatform();
      const [root, services] = await platformCas();
      expect(root!.certificatePem).toBe(imported.certificatePem);
      expect(await opensslVerify({ trusted: imported.certificatePem, certificate: services!.certificatePem })).toBe('OK');
    });

    it('refuse a root whose key is another', async () => {
      const mixed = { ...newRoot(), privateKeyPem: newRoot().privateKeyPem };
      await expect(startPki(db.database, new TestClock(), mixed).authorities.ensurePlatform()).rejects.toMatchObject({
        code: 'invalid_configuration',
      });
      expect(await platformCas()).toEqual([]);
    });

    it('refuse another root than the one that is there', async () => {
      await startPki(db.database).authorities.ensurePlatform();
      await expect(startPki(db.database, new TestClock(), newRoot()).authorities.ensurePlatform()).rejects.toMatchObject({
        code: 'invalid_configuration',
      });
    });
  });
});

describe('the CA of a tenant', () => {
  it('is active at once, and the last but the root in the chain that is handed out', async () => {
    const pki = startPki(db.database);
    const tenant = await createTenant(db.database, pki, 'acme');
    const scope = { tenantId: tenant.id };
    const chain = await pki.authorities.chainOf(db.database.em(scope), tenant.id);
    expect(chain.rootPem).toBe(await pki.authorities.rootPem());
    expect(chain.chainPem).toBe(chain.tenantCaPem + chain.rootPem);
    expect(new X509Certificate(chain.tenantCaPem).subject).toBe('O=acme\nCN=tenant-acme.ca.serviceradar');
    expect(await opensslVerify({ trusted: chain.rootPem, certificate: chain.tenantCaPem })).toBe('OK');
    expect(await pki.authorities.activeCa(db.database.em(scope), tenant.id)).toMatchObject({ status: 'active', crlNumber: 0 });
  });

  it('is not there when the tenant’s transaction fails', async () => {
    const pki = startPki(db.database);
    const failing = db.database.transaction(PLATFORM, async (em) => {
      const tenant = em.create(Tenant, { id: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f', slug: 'acme', name: 'Acme', createdAt: new Date() });
      await em.flush();
      await pki.authorities.createTenantCa(em, tenant);
      await em.flush();
      throw new Error('the account could not be made');
    });
    await expect(failing).rejects.toThrow('the account could not be made');
    expect(await db.database.em(PLATFORM).count(TenantCa, {})).toBe(0);
  });

  it('is invisible to another tenant', async () => {
    const pki = startPki(db.database);
    const acme = await createTenant(db.database, pki, 'acme');
    const other = await createTenant(db.database, pki, 'other');
    const asOther = db.database.em({ tenantId: other.id });
    await expect(pki.authorities.chainOf(asOther, acme.id)).rejects.toMatchObject({ code: 'not_found' });
  });
});
