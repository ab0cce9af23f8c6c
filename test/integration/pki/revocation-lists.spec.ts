import { type Certificate, type Tenant } from '#libs/model';
import { generateKeyPair } from '#libs/pki';
import { RevocationLists } from '../../../src/pki/revocation-lists.js';
import { systemCaller } from '../../../src/platform/auth/index.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';
import { opensslCrlText } from './openssl.js';
import { createTenant, leafPlans, type Pki, startPki, TestClock } from './pki-fixture.js';

const SITE = '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70';

let db: TestDatabase;
let clock: TestClock;
let pki: Pki;
let lists: RevocationLists;
let tenant: Tenant;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  await db.empty();
  clock = new TestClock();
  pki = startPki(db.database, clock);
  lists = new RevocationLists(db.database, pki.authorities, clock);
  tenant = await createTenant(db.database, pki, 'acme');
});

async function revokeOne(): Promise<Certificate> {
  const scope = { tenantId: tenant.id };
  const plan = { intent: leafPlans(tenant, 'nyc', pki)[0]!, edgeSiteId: SITE };
  const [intended] = await db.database.transaction(scope, (em) => pki.certificates.intend(em, tenant.id, [plan]));
  const signed = await pki.certificates.sign(intended!, generateKeyPair().publicKey);
  await db.database.transaction(scope, (em) => pki.certificates.issue(em, intended!, signed));
  await db.database.transaction(scope, (em) =>
    pki.certificates.revokeOfSite(em, systemCaller('test', tenant.id), SITE, { reason: 'superseded' }),
  );
  return intended!;
}

const current = () => lists.current('acme');
const holds = async ({ serialNumber }: Certificate) => (await opensslCrlText((await current()).der)).includes(serialNumber.toUpperCase());

describe('the revocation list of a tenant', () => {
  it('is the same for an hour while nothing is revoked', async () => {
    const list = await current();
    expect(await current()).toBe(list);
  });

  it('is made anew before it runs out', async () => {
    const { etag } = await current();
    clock.advanceDays(1 / 12);
    expect((await current()).etag).not.toBe(etag);
  });

  it('stays valid when there is nothing in it', async () => {
    expect(await opensslCrlText((await current()).der)).toContain('No Revoked Certificates.');
  });

  it('holds a certificate until two days after its end', async () => {
    const revoked = await revokeOne();
    clock.advanceDays(366);
    expect(await holds(revoked)).toBe(true);
    clock.advanceDays(2);
    expect(await holds(revoked)).toBe(false);
  });

  it('does not hold what another tenant’s CA issued', async () => {
    const revoked = await revokeOne();
    await createTenant(db.database, pki, 'other');
    const list = await lists.current('other');
    expect(await opensslCrlText(list.der)).not.toContain(revoked.serialNumber.toUpperCase());
  });

  it('is numbered on by the next process', async () => {
    const number = async (of: RevocationLists) => Number((await of.current('acme')).etag.split('.')[1]!.replace('"', ''));
    const first = await number(lists);
    const next = new RevocationLists(db.database, startPki(db.database, clock).authorities, clock);
    expect(await number(next)).toBe(first + 1);
  });
});
