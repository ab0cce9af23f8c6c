import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Client } from 'pg';
import { COLLECTOR_TYPES } from '#libs/contracts';
import { forEachOf } from '#libs/kernel';
import type { CertificateDto } from '../../src/pki/dto/certificate.dto.js';
import { ok } from '../../lab/api.js';
import type { Deployment } from '../../lab/deployment.js';
import { Gate } from '../../lab/gate.js';
import { Postgres } from '../../lab/postgres.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

const SITES = 50;
const COLLECTORS = 30;

/** How many are asked for at once: fewer than the service has connections to its database. */
const AT_ONCE = 10;

/** A tenant whose sites and collectors nobody provisions yet. */
const withoutWorker = () =>
  withDeployment(
    async (deployment) => ({ tenant: await deployment.tenant('Acme'), database: await new Postgres(deployment.dataDir).connect() }),
    { env: { ROLES: 'api' } },
  );

describe('a worker that is killed in the middle of 50 provisionings', () => {
  const lab = withoutWorker();
  afterAll(lab(async ({ arranged: { database } }) => database.end()));

  it('leaves nothing that the next one does not put in order', lab(async ({ deployment, arranged: { tenant, database } }) => {
    const numbers = Array.from({ length: SITES }, (_, index) => index + 1);
    await forEachOf(numbers, AT_ONCE, async (number) => void (await tenant.createSite(`Site ${number}`)));
    expect(await count(database, `nats_leaf_servers where status = 'pending'`)).toBe(SITES);

    const intended = `certificates where status = 'intended' and edge_site_id is not null`;
    // A run has at most 32 leaves: those of the runs before are provisioned.
    const gate = await Gate.close(database, 'nats_leaf_server.provision', { after: 35 });
    await killInTheMiddle(deployment, database, gate, { done: `nats_leaf_servers where status = 'provisioned'`, intended, total: SITES });
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
    const inUse = leaves.flatMap(({ leaf, server }) => [leaf, server]).map(serialOf);
    expect(new Set(inUse).size).toBe(2 * SITES);
    const onRecord = await issuedSerials(database);
    expect(inUse.filter((serial) => !onRecord.has(serial))).toEqual([]);
  }));

  it('leaves no intent open', lab(({ arranged: { database } }) => expectNoIntents(database, 'edge_site_id')));
});

describe('a worker that is killed in the middle of 30 provisionings of collectors', () => {
  const lab = withoutWorker();
  afterAll(lab(async ({ arranged: { database } }) => database.end()));

  it('leaves nothing that the next one does not put in order', lab(async ({ deployment, arranged: { tenant, database } }) => {
    const types = Array.from({ length: COLLECTORS }, (_, index) => COLLECTOR_TYPES[index % COLLECTOR_TYPES.length]!);
    await forEachOf(types, AT_ONCE, async (type) => void (await tenant.createCollector(type)));
    expect(await count(database, `collector_packages where status = 'pending'`)).toBe(COLLECTORS);

    const intended = `certificates where status = 'intended' and collector_package_id is not null`;
    const gate = await Gate.close(database, 'collector_package.provision', { after: 10 });
    await killInTheMiddle(deployment, database, gate, { done: `collector_packages where status = 'ready'`, intended, total: COLLECTORS });
  }));

  it.each(['certificates', 'nats_users'])('leaves each package with exactly one live row in %s', async (table) =>
    lab(async ({ arranged: { database } }) => {
      const { rows } = await database.query<{ live: number }>(
        `select count(made.id)::int as live from collector_packages
         left join ${table} made on made.collector_package_id = collector_packages.id and made.status = 'issued' group by collector_packages.id`,
      );
      expect(rows).toEqual(Array.from({ length: COLLECTORS }, () => ({ live: 1 })));
    })(),
  );

  it('hands out what is on record, and nothing else', lab(async ({ arranged: { tenant, database } }) => {
    await Promise.all(tenant.collectors.map((collector) => collector.download()));
    const files = tenant.collectors.map(({ configuration }) => configuration);
    const [serials, users] = [files.map(({ cert }) => serialOf(readFileSync(cert, 'utf8'))), files.map(({ creds }) => userOf(readFileSync(creds, 'utf8')))];
    expect([new Set(serials).size, new Set(users).size]).toEqual([COLLECTORS, COLLECTORS]);

    const onRecord = await issuedSerials(database);
    expect(serials.filter((serial) => !onRecord.has(serial))).toEqual([]);
    const { rows } = await database.query<{ public_key: string }>(`select public_key from nats_users where status = 'issued' and purpose = 'collector'`);
    expect(users.sort()).toEqual(rows.map(({ public_key }) => public_key).sort());
  }));

  it('leaves no intent open', lab(({ arranged: { database } }) => expectNoIntents(database, 'collector_package_id')));
});

interface Work {
  /** Rows of what is provisioned. */
  done: string;
  /** Rows of certificates that are signed and not yet on record as such. */
  intended: string;
  total: number;
}

/** Has a worker killed when some of the work is done and some is between signature and record, and another one do the rest. */
async function killInTheMiddle(deployment: Deployment, database: Client, gate: Gate, { done, intended, total }: Work): Promise<void> {
  // What is signed is written together with its audit row: held up there, it is signed and not yet on record as such.
  const worker = await deployment.startAnother('worker', { ROLES: 'worker,monitor' });
  await gate.holds();
  await worker.kill();
  await gate.open();
  expect(await count(database, done)).toBeGreaterThan(0);
  expect(await count(database, done)).toBeLessThan(total);
  expect(await count(database, intended)).toBeGreaterThan(0);

  const next = await deployment.startAnother('worker', { ROLES: 'worker,monitor' });
  await until('all are provisioned', async () => (await count(database, done)) === total, { timeout: 60_000 });
  await next.stop();
}

async function expectNoIntents(database: Client, holder: 'edge_site_id' | 'collector_package_id'): Promise<void> {
  expect(await count(database, `certificates where status = 'intended' and ${holder} is not null`)).toBe(0);
  expect(await count(database, `nats_users where status = 'intended'`)).toBe(0);
  expect(await count(database, `certificates where status = 'abandoned' and ${holder} is not null`)).toBeGreaterThan(0);
}

/** Of the first certificate, in capital hex digits. */
const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber.toUpperCase();

async function issuedSerials(database: Client): Promise<Set<string>> {
  const { rows } = await database.query<{ serial_number: string }>(`select serial_number from certificates where status = 'issued'`);
  return new Set(rows.map(({ serial_number }) => serial_number.toUpperCase()));
}

/** Whom the JWT of a .creds file is for: the user's public key. */
function userOf(creds: string): string {
  const [, payload] = /-----BEGIN NATS USER JWT-----\n(\S+)\n/.exec(creds)![1]!.split('.');
  return (JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { sub: string }).sub;
}

async function count(database: Client, what: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(`select count(*)::int as count from ${what}`);
  return rows[0]!.count;
}
