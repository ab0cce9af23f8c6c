import { Gate } from '../../lab/gate.js';
import { Postgres } from '../../lab/postgres.js';
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
    const gate = await Gate.close(database, 'nats_leaf_server.provision');
    const worker = await deployment.startAnother('worker', { ROLES: 'worker,monitor' });
    await gate.holds();
    const stopped = worker.stop();
    await gate.open();

    expect(await stopped).toBe(0);
    const { leaf_server: leaf } = await site.get();
    expect([leaf.status, leaf.last_error]).toEqual(['provisioned', null]);
    const { rows } = await database.query(`select from certificates where status in ('intended', 'abandoned') and edge_site_id is not null`);
    expect(rows).toEqual([]);
  }));
});
