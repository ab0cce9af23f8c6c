import { X509Certificate } from 'node:crypto';
import type { Client } from 'pg';
import type { CertificateDto } from '../../src/pki/dto/certificate.dto.js';
import { ok } from '../../lab/api.js';
import { Gate } from '../../lab/gate.js';
import { Postgres } from '../../lab/postgres.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

const SITES = 50;

describe('a worker that is killed in the middle of 50 provisionings', () => {
  const lab = withDeployment(
    async (deployment) => ({ tenant: await deployment.tenant('Acme'), database: await new Postgres(deployment.dataDir).connect() }),
    { env: { ROLES: 'api' } },
  );
  afterAll(lab(async ({ arranged: { database } }) => database.end()));

  it('leaves nothing that the next one does not put in order', lab(async ({ deployment, arranged: { tenant, database } }) => {
    const numbers = Array.from({ length: SITES }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => tenant.createSite(`Site ${number}`)));
    expect(await count(database, `nats_leaf_servers where status = 'pending'`)).toBe(SITES);

    // What is signed is written together with its audit row: of the 21st leaf on, it is signed and not yet on record as such.
    // A run has at most 16 leaves: those of the runs before are provisioned.
    const gate = await Gate.close(database, 'nats_leaf_server.provision', { after: 20 });
    const worker = await deployment.startAnother('worker', { ROLES: 'worker,monitor' });
    await gate.holds();
    await worker.kill();
    await gate.open();
    expect(await count(database, PROVISIONED)).toBeGreaterThan(0);
    expect(await count(database, PROVISIONED)).toBeLessThan(SITES);
    expect(await count(database, `certificates where status = 'intended' and edge_site_id is not null`)).toBeGreaterThan(0);

    const next = await deployment.startAnother('worker', { ROLES: 'worker,monitor' });
    await until('all leaves are provisioned', async () => (await count(database, PROVISIONED)) === SITES);
    await next.stop();
  }));

  it('leaves each site with exactly one live pair of certificates and one user', lab(async ({ arranged: { tenant, database } }) => {
    for (const { id } of tenant.sites) {
      const { data } = await ok(tenant.api.get<{ data: CertificateDto[] }>(`/admin/certificates?edge_site_id=${id}&status=issued`));
      expect(data.map(({ kind }) => kind).sort()).toEqual(['leaf', 'leaf_listener']);
    }
    const { rows } = await database.query<{ users: number }>(
      `select count(*)::int as users from nats_users where status = 'issued' and purpose = 'leaf' group by edge_site_id`,
    );
    expect(rows).toEqual(Array.from({ length: SITES }, () => ({ users: 1 })));
  }));

  it('leaves no certificate that is not on record', lab(async ({ arranged: { database } }) => {
    const { rows: leaves } = await database.query<{ leaf: string; server: string }>(
      `select leaf_cert_pem as leaf, server_cert_pem as server from nats_leaf_servers`,
    );
    const { rows: record } = await database.query<{ serial_number: string }>(`select serial_number from certificates where status = 'issued'`);
    const onRecord = new Set(record.map(({ serial_number }) => serial_number.toUpperCase()));
    const inUse = leaves.flatMap(({ leaf, server }) => [leaf, server]).map((pem) => new X509Certificate(pem).serialNumber.toUpperCase());

    expect(new Set(inUse).size).toBe(2 * SITES);
    expect(inUse.filter((serial) => !onRecord.has(serial))).toEqual([]);
  }));

  it('leaves no intent open', lab(async ({ arranged: { database } }) => {
    expect(await count(database, `certificates where status = 'intended' and edge_site_id is not null`)).toBe(0);
    expect(await count(database, `nats_users where status = 'intended'`)).toBe(0);
    expect(await count(database, `certificates where status = 'abandoned'`)).toBeGreaterThan(0);
  }));
});

const PROVISIONED = `nats_leaf_servers where status = 'provisioned'`;

async function count(database: Client, what: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(`select count(*)::int as count from ${what}`);
  return rows[0]!.count;
}
