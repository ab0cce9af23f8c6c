import { type Api } from '../../lab/api.js';
import { Gate } from '../../lab/gate.js';
import { Postgres } from '../../lab/postgres.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

const HEADER = 'x-serviceradar-download-token';

describe('a download', () => {
  const lab = withDeployment(
    async (deployment) => {
      const tenant = await deployment.tenant('Acme');
      const site = await tenant.createSite('New York');
      await site.provisioned();
      return site;
    },
    { hub: 'local' },
  );

  describe('asked for 64 times at once with one token', () => {
    it('succeeds exactly once, and all others are told the same', lab(async ({ deployment, arranged: site }) => {
      const { token } = await site.downloadToken();
      // Who is told that too many ask at once asks again.
      const patiently = () =>
        until('it is not told to come again', async () => {
          const answer = await download(deployment.service.api, site.id, token);
          return answer.status !== 503 && answer;
        });
      const answers = await Promise.all(Array.from({ length: 64 }, patiently));

      const succeeded = answers.filter(({ status }) => status === 200);
      expect(succeeded).toHaveLength(1);
      const refused = answers.filter(({ status }) => status === 404);
      expect(refused).toHaveLength(63);
      const details = refused.map(({ body }) => (body as { detail: string }).detail);
      expect(new Set(details).size).toBe(1);
    }));
  });

  describe('that runs when the service is told to end', () => {
    it('is finished, while nobody else is let in', lab(async ({ deployment, arranged: site }) => {
      const { service } = deployment;
      const { token } = await site.downloadToken();
      const database = await new Postgres(deployment.dataDir).connect();
      const gate = await Gate.close(database, 'edge_site_bundle.download');
      const running = download(service.api, site.id, token);
      await gate.holds();

      const ended = service.stop();
      const isClosed = () => service.api.get('/health/live').then(() => false, () => true);
      await until('the service takes no more connections', isClosed);
      await gate.open();
      await database.end();

      const { status, body } = await running;
      expect(status).toBe(200);
      // gzip, RFC 1952 section 2.3.1.
      expect((body as Buffer).subarray(0, 3)).toEqual(Buffer.from([0x1f, 0x8b, 0x08]));
      expect(await ended).toBe(0);
    }));
  });
});

const download = (api: Api, siteId: string, token: string) =>
  api.call<unknown>('POST', `/edge-sites/${siteId}/bundle`, { headers: { [HEADER]: token } });
