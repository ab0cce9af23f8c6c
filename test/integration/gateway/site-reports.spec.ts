import { EdgeSite, NatsLeafServer } from '#libs/model';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { LeafGenerations, SiteReports } from '../../../src/edge-sites/index.js';
import { systemCaller } from '../../../src/platform/auth/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let id: string;
let reports: SiteReports;

beforeAll(async () => {
  app = await startTestApp();
  acme = await app.tenant('Acme');
  ({ id } = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg' })));
  await until('the leaf is provisioned', async () => (await leaf()).provisionedGeneration !== null);
  reports = app.service.app.get(SiteReports, { strict: false });
});
afterAll(() => app.close());

const em = () => app.database.database.em('platform');
const leaf = () => em().findOneOrFail(NatsLeafServer, { edgeSiteId: id });
const checksum = (letter: string) => letter.repeat(64);

describe('what agents say that a leaf runs', () => {
  it('is written down in the order in which they say it', async () => {
    const generations = app.service.app.get(LeafGenerations, { strict: false });
    const report = generations.reportRunning.bind(generations);
    const order: string[] = [];
    generations.reportRunning = async (caller, siteId, said) => {
      order.push(`begin ${said[0]}`);
      return report(caller, siteId, said).finally(() => order.push(`end ${said[0]}`));
    };
    await Promise.all(['a', 'b', 'b', 'c'].map((letter) => reports.running(systemCaller('test', acme.id), id, checksum(letter))));
    expect(order).toEqual(['begin a', 'end a', 'begin b', 'end b', 'begin c', 'end c']);
    expect((await leaf()).runningChecksum).toBe(checksum('c'));
    generations.reportRunning = report;
  });

  it('is written down although what they said before was not', async () => {
    const stranger = systemCaller('test', (await app.tenant('Globex')).id);
    const [refused] = await Promise.allSettled([reports.running(stranger, id, checksum('d')), reports.running(systemCaller('test', acme.id), id, checksum('e'))]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'not_found' } });
    expect((await leaf()).runningChecksum).toBe(checksum('e'));
  });
});

describe('that somebody at a site was heard of', () => {
  it('is put on record with the next word when it could not be', async () => {
    const seen = () => reports.seen(acme.id, [id]);
    await app.database.asSuperuser((client) => client.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
      create trigger refuse before update on edge_sites for each statement execute function refuse();`));
    await expect(seen()).rejects.toThrow('refused');
    await app.database.asSuperuser((client) => client.query('drop trigger refuse on edge_sites; drop function refuse'));
    await seen();
    expect((await em().findOneOrFail(EdgeSite, { id })).lastSeenAt).toBeInstanceOf(Date);
  });
});
