import { Postgres } from '../../lab/postgres.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

describe('a worker that is told to stop in the middle of a provisioning', () => {
  const lab = withDeployment(
    async (deployment) => ({ tenant: await deployment.tenant('Acme'), database: await new Postgres(deployment.dataDir).connect() }),
    { env: { ROLES: 'api' } },
  );
  afterAll(lab(async ({ arranged: { database } }) => database.end()));

  it('finishes it, and ends well', lab(async ({ deployment, arranged: { tenant, database } }) => {
    const site = await tenant.createSite('New York');
    // What is made is written together with its audit row: there the job is held up.
    await database.query('begin; lock table audit_events in share mode');
    const worker = await deployment.startAnother('worker', { ROLES: 'worker,monitor' });
    await until('the job is held up', async () => (await Postgres.waiting(database)) > 0, { interval: 5 });
    const stopped = worker.stop();
    await database.query('rollback');

    expect(await stopped).toBe(0);
    const { leaf_server: leaf } = await site.get();
    expect([leaf.status, leaf.last_error]).toEqual(['provisioned', null]);
    const { rows } = await database.query(`select from certificates where status in ('intended', 'abandoned') and edge_site_id is not null`);
    expect(rows).toEqual([]);
  }));
});
