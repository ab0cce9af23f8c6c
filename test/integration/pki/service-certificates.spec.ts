import { type Secret } from '#libs/kernel';
import { AuditEvent, Certificate } from '#libs/model';
import { generateKeyPair, parseCertificate } from '#libs/pki';
import { systemCaller } from '../../../src/platform/auth/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import type { IssuedServiceCertificate } from '../../../src/pki/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';
import { opensslVerify } from './openssl.js';
import { type Pki, startPki, TestClock } from './pki-fixture.js';

let db: TestDatabase;
let pki: Pki;
let clock: TestClock;
let issued: IssuedServiceCertificate;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  await db.empty();
  clock = new TestClock();
  pki = startPki(db.database, clock);
  issued = await ask(HOSTS);
});

const HOSTS = ['hub.example.com', '192.0.2.1', '2001:db8::1'];

const ask = (hosts: string[], current?: { certificatePem: string; privateKeyPem: Secret }) =>
  pki.certificates.issueService({ service: 'nats-hub', hosts }, current);

const onRecord = () => db.database.em(PLATFORM).find(Certificate, { kind: 'service' });

describe('the certificate of a service of the platform', () => {
  it('chains over the services CA to the root, for the names that were asked for', async () => {
    expect(await opensslVerify({ trusted: issued.rootPem + issued.chainPem, certificate: issued.certificatePem })).toBe('OK');
    expect(parseCertificate(issued.certificatePem)).toMatchObject({
      dnsNames: ['hub.example.com'],
      ipAddresses: ['192.0.2.1', '2001:db8::1'],
      extendedKeyUsage: ['serverAuth', 'clientAuth'],
    });
  });

  it('is on record, of no tenant, and in the audit', async () => {
    const [row] = await onRecord();
    expect(row).toMatchObject({ status: 'issued', tenantId: null, certificatePem: issued.certificatePem });
    const [event] = await db.database.em(PLATFORM).find(AuditEvent, {});
    expect(event).toMatchObject({ action: 'certificate.issue', actor: 'system:pki', subjectId: row!.id });
  });

  describe('when a process died between the intent and the signature', () => {
    it('is made by the next, which closes the intent', async () => {
      const { id } = (await onRecord())[0]!;
      await db.database.em(PLATFORM).nativeUpdate(Certificate, { id }, { status: 'intended', certificatePem: null });
      clock.advanceDays(1);
      await ask(HOSTS, issued);
      expect((await onRecord()).map(({ status }) => status).sort()).toEqual(['abandoned', 'issued']);
    });
  });

  describe('is kept', () => {
    it.each([
      ['when nothing changed', HOSTS],
      ['when the same names are written otherwise', ['2001:0db8:0:0::1', 'HUB.example.com', '192.0.2.1', 'hub.example.com']],
    ])('%s', async (_when, hosts) => {
      expect((await ask(hosts, issued)).certificatePem).toBe(issued.certificatePem);
      expect(await onRecord()).toHaveLength(1);
    });

    it('while 30 days of it remain', async () => {
      clock.advanceDays(334);
      expect((await ask(HOSTS, issued)).certificatePem).toBe(issued.certificatePem);
    });
  });

  describe('is made anew, with another key,', () => {
    const expectRenewed = async (hosts: string[], current = issued) => {
      const renewed = await ask(hosts, current);
      expect(renewed.privateKeyPem.reveal()).not.toBe(current.privateKeyPem.reveal());
      expect(parseCertificate(renewed.certificatePem).serialNumber).not.toBe(parseCertificate(current.certificatePem).serialNumber);
      const recorded = (await onRecord()).filter(({ status }) => status === 'issued').map(({ certificatePem }) => certificatePem);
      expect(recorded).toContain(renewed.certificatePem);
    };

    it('when a name is added', () => expectRenewed([...HOSTS, 'nats.example.com']));
    it('when a name is taken away', () => expectRenewed(HOSTS.slice(1)));
    it('when an address changes', () => expectRenewed(['hub.example.com', '192.0.2.2', '2001:db8::1']));

    it('when less than 30 days of it remain', async () => {
      clock.advanceDays(336);
      await expectRenewed(HOSTS);
    });

    it('when its key is another', () => expectRenewed(HOSTS, { ...issued, privateKeyPem: generateKeyPair().privateKeyPem }));

    it('when it was revoked', async () => {
      await db.database.transaction(PLATFORM, async (em) => {
        const row = await em.findOneOrFail(Certificate, { kind: 'service' });
        pki.certificates.revoke(em, systemCaller('test', null), row, 'keyCompromise');
      });
      await expectRenewed(HOSTS);
    });

    it('when the CA is another', async () => {
      await db.empty();
      pki = startPki(db.database, clock);
      await expectRenewed(HOSTS);
    });
  });
});
