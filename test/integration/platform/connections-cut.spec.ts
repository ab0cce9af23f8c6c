import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { CollectorPackageDto } from '../../../src/collectors/dto/collector.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { endConnections } from '../../support/database-faults.js';
import { offences } from '../../support/invariants.js';

/** Clients at once, and what each of them wants. */
const CLIENTS = 3;
const SITES = 4;

/** Milliseconds between two cuts: some requests and jobs get through, and some do not. */
const PAUSES = Array.from({ length: 25 }, (_, at) => 20 + ((at * 97) % 400));

let app: TestApp;
let acme: { id: string; api: Api };
beforeAll(async () => {
  app = await startTestApp();
  acme = await app.tenant('Acme');
});
afterAll(() => app.close());

/** Whoever's job was cut is served again after a while only. */
const PATIENCE = { timeout: 120_000 };

/** As a client that does what Retry-After says, only sooner. @returns the first answer that is not 503 */
async function persistently<T>(call: () => Promise<Answer<T>>): Promise<Answer<T>> {
  for (;;) {
    const answer = await call();
    if (answer.status !== 503) return answer;
    await delay(10);
  }
}

/** From nothing to a bundle. @returns every status that was seen on the way, but 503 */
async function bringUp(client: number, number: number): Promise<number[]> {
  const slug = `site-${client}-${number}`;
  // When the connection was lost while it committed, it may be there already.
  const created = await persistently(() => acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: slug, slug }));
  const listed = await persistently(() => acme.api.get<{ data: EdgeSiteDto[] }>(`/admin/edge-sites?limit=200`));
  const { id } = listed.body.data.find((site) => site.slug === slug)!;
  const token = await persistently(() => acme.api.post<DownloadTokenDto>(`/admin/edge-sites/${id}/download-tokens`));
  const collector = await persistently(() => acme.api.post<CollectorPackageDto>('/admin/collectors', { collector_type: 'flowgger' }));
  const headers = { 'x-serviceradar-download-token': token.body.token, 'x-serviceradar-download-attempt': `attempt-${slug}-0123456789` };
  const download = await until(`${slug} has a bundle`, async () => {
    const answer = await persistently(() => acme.api.as({}).call('POST', `/edge-sites/${id}/bundle`, { headers }));
    return answer.status !== 409 && answer;
  }, PATIENCE);
  return [created, listed, token, collector, download].map(({ status }) => status);
}

describe('a database that ends all connections again and again while sites are created, provisioned and downloaded', () => {
  it('brings nobody another answer than 503, and leaves nothing half done', async () => {
    const cutting = (async () => {
      let cut = 0;
      for (const pause of PAUSES) {
        cut += await endConnections(app.database);
        await delay(pause);
      }
      if (cut < PAUSES.length) throw new Error(`Only ${cut} connections were cut.`);
      return cut;
    })();
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      const seen: number[][] = [];
      for (let number = 0; number < SITES; number++) seen.push(await bringUp(client, number));
      return seen;
    });
    const [cuts, ...outcomes] = await Promise.allSettled([cutting, ...clients]);
    expect(cuts).toEqual({ status: 'fulfilled', value: expect.any(Number) });
    const seen = outcomes.flatMap((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value as number[][];
    });
    for (const [created, ...others] of seen) {
      expect([201, 409]).toContain(created);
      expect(others).toEqual([200, 201, 201, 200]);
    }
    const collectors = () => ok(acme.api.get<{ data: CollectorPackageDto[] }>('/admin/collectors?limit=200'));
    await until('all collectors are provisioned', async () => (await collectors()).data.every(({ status }) => status === 'ready'), PATIENCE);
    const { data: sites } = await ok(acme.api.get<{ data: EdgeSiteDto[] }>('/admin/edge-sites?limit=200'));
    expect(sites.map(({ leaf_server: leaf }) => [leaf.status, leaf.last_error])).toEqual(Array(CLIENTS * SITES).fill(['provisioned', null]));
    expect(await app.database.asSuperuser(offences)).toEqual([]);
  }, 300_000);
});

describe('what may never be on record', () => {
  it.each([
    ['a site without a leaf', 'delete from nats_leaf_servers where id = (select min(id::text)::uuid from nats_leaf_servers)'],
    ['a leaf that has a generation without its bundle', 'update nats_leaf_servers set bundle_ciphertext = null'],
    ['a generation without exactly one certificate of each kind', `update certificates set status = 'abandoned' where kind = 'leaf'`],
    ['a generation without exactly one user of each purpose', `update nats_users set generation = 2 where purpose = 'leaf'`],
    ['a collector that is ready without exactly one certificate and user', `update nats_users set status = 'abandoned' where purpose = 'collector'`],
    ['a site that was not recorded once when it was made', `delete from audit_events where action = 'edge_site.create'`],
    ['a site that is recorded, and is not there', `delete from edge_sites`],
    ['a generation that was not recorded once when it was provisioned', `delete from audit_events where action = 'nats_leaf_server.provision'`],
    ['an object whose tokens were not each recorded once', `delete from audit_events where action = 'download_token.create'`],
    ['a token that is used, without the download on record', `delete from audit_events where action = 'edge_site_bundle.download'`],
    ['a download on record, whose token is not used', `update download_tokens set used_at = null`],
  ])('is found: %s', async (offence, crime) => {
    const found = await app.database.asSuperuser(async (client) => {
      await client.query(`begin; set local session_replication_role = replica; ${crime}`);
      const found = await offences(client);
      await client.query('rollback');
      return found;
    });
    expect(found).toContainEqual(expect.stringContaining(`There is ${offence}: `));
  });
});
