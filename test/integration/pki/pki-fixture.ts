import { type Clock, newId, Secret, systemRandom } from '#libs/kernel';
import { Tenant } from '#libs/model';
import { type CertificateIntent, planLeaf, planLeafListener } from '#libs/pki';
import { AuthorityService, CertificateService, type ImportedRoot } from '../../../src/pki/index.js';
import { PlatformAuthorities } from '../../../src/pki/platform-authorities.js';
import { Audit } from '../../../src/platform/audit/index.js';
import { type Database, PLATFORM } from '../../../src/platform/database/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';

/** A clock that stands, and is put forward by hand. */
export class TestClock implements Clock {
  constructor(private time = new Date()) {}

  now(): Date {
    return new Date(this.time);
  }

  advanceDays(days: number): void {
    this.time = new Date(this.time.getTime() + days * 86_400_000);
  }
}

export const keyRing = new KeyRing([{ id: 'test', key: new Secret(Buffer.alloc(32, 7)) }], systemRandom);

/** The services of one process. Several on one database are as many processes. */
export function startPki(database: Database, clock: Clock = new TestClock(), importedRoot?: ImportedRoot) {
  const platform = new PlatformAuthorities(database, keyRing, clock, systemRandom, importedRoot);
  const authorities = new AuthorityService(database, platform, keyRing, clock, systemRandom);
  const audit = new Audit(database, clock, systemRandom);
  const certificates = new CertificateService(database, authorities, platform, audit, clock, systemRandom);
  return { platform, authorities, certificates, clock };
}

export type Pki = ReturnType<typeof startPki>;

export async function createTenant(database: Database, { authorities, clock }: Pki, slug: string): Promise<Tenant> {
  return database.transaction(PLATFORM, async (em) => {
    const tenant = em.create(Tenant, { id: newId(clock, systemRandom), slug, name: slug, createdAt: clock.now() });
    await em.flush();
    await authorities.createTenantCa(em, tenant);
    return tenant;
  });
}

/** The two certificates of a leaf. */
export function leafPlans(tenant: Tenant, site: string, { clock }: Pki): CertificateIntent[] {
  const issuer = { notAfter: new Date(clock.now().getTime() + 5 * 365 * 86_400_000) };
  const names = { tenant: tenant.slug, site, issuer };
  const sources = { clock, random: systemRandom };
  return [planLeaf(names, sources), planLeafListener({ ...names, hosts: ['192.0.2.7'] }, sources)];
}
