import { rmSync } from 'node:fs';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/embedded/index.js';
import { type Deployment } from '../../lab/deployment.js';
import { Postgres } from '../../lab/postgres.js';
import { temporaryDirectory } from '../../lab/temporary-directory.js';
import { until } from '../../lab/until.js';
import { ok } from '../../lab/api.js';
import type { EdgeSiteDto } from '../../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingPackageDto } from '../../src/onboarding/dto/onboarding-package.dto.js';
import { Agent, identityOf } from '../integration/gateway/agent.js';
import { offences } from '../support/invariants.js';
import { withDeployment } from './laboratory.js';

const GRPC_UNAVAILABLE = 14;

const readiness = async ({ service }: Deployment) => (await service.api.get<{ status: string }>('/health/ready')).status;

describe('a service whose PostgreSQL dies', () => {
  const dataDir = temporaryDirectory();
  let postgres: EmbeddedPostgres;
  const env: NodeJS.ProcessEnv = {};

  const startPostgres = () => startEmbeddedPostgres({ dataDir, log: () => {} });

  beforeAll(async () => {
    postgres = await startPostgres();
    const { serviceUrl, ownerUrl, jobsUrl } = postgres;
    Object.assign(env, { DATABASE_URL: serviceUrl, DATABASE_OWNER_URL: ownerUrl, QUEUE_URL: jobsUrl });
  });

  const lab = withDeployment((deployment) => deployment.tenant('Acme'), { hub: 'local', env });

  afterAll(async () => {
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('answers 503 with Retry-After, and says that it is alive but not ready', lab(async ({ deployment, arranged: tenant }) => {
    expect(await readiness(deployment)).toBe(200);
    const { id } = await tenant.createSite('Hamburg');
    const asked = { label: 'x', component_type: 'agent', component_id: 'x', edge_site_id: id };
    const identity = await identityOf(tenant.api, await ok(tenant.api.post<OnboardingPackageDto>('/admin/edge-packages', asked)));
    process.kill(new Postgres(dataDir).pid, 'SIGKILL');
    await until('the service has noticed', async () => (await readiness(deployment)) === 503);

    const { status, headers, body } = await tenant.api.get<{ code: string }>('/admin/edge-sites');
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(headers.get('content-type')).toMatch('application/problem+json');
    expect(body.code).toBe('unavailable');
    expect((await deployment.service.api.get('/health/live')).status).toBe(200);

    const agent = new Agent(identity, identity);
    const refused = await agent.hello({}).catch((error: unknown) => error);
    agent.close();
    expect(refused).toMatchObject({ code: GRPC_UNAVAILABLE, details: 'The database is not available right now. Try again.' });
  }));

  it('goes on by itself when it is back, its workers too', lab(async ({ deployment, arranged: tenant }) => {
    await postgres.stop();
    postgres = await startPostgres();
    await until('the service is ready again', async () => (await readiness(deployment)) === 200);

    const site = await tenant.createSite('New York');
    await site.install();
    expect(deployment.service.process.running).toBe(true);
  }));

  it('does nothing by halves when it is restarted while sites are created and provisioned', lab(async ({ deployment, arranged: tenant }) => {
    const slugs = Array.from({ length: 30 }, (_, at) => `restarted-${at}`);
    const statuses = slugs.map(async (slug) => {
      const create = () => tenant.api.post('/admin/edge-sites', { name: slug, slug }).then(({ status }) => status);
      return until(`${slug} is created`, async () => {
        const status = await create();
        return status !== 503 && status;
      });
    });
    const restarted = (async () => {
      await postgres.stop();
      postgres = await startPostgres();
    })();
    const created = await Promise.all(statuses);
    await restarted;
    // Where the connection was lost while it committed, the site was there already.
    expect(created.filter((status) => status !== 201 && status !== 409)).toEqual([]);

    const sites = async () => (await ok(tenant.api.get<{ data: EdgeSiteDto[] }>('/admin/edge-sites?limit=200'))).data.filter(({ slug }) => slugs.includes(slug));
    await until('all are provisioned', async () => (await sites()).filter(({ leaf_server: leaf }) => leaf.status === 'provisioned').length === slugs.length);
    expect(deployment.service.process.running).toBe(true);
    const database = await new Postgres(dataDir).connect();
    expect(await offences(database)).toEqual([]);
    await database.end();
  }));
});

describe('a service with a PostgreSQL of its own', () => {
  const lab = withDeployment((deployment) => deployment.tenant('Acme'), { hub: 'local' });

  it('starts it again when it dies, and goes on', lab(async ({ deployment, arranged: tenant }) => {
    const own = new Postgres(deployment.dataDir);
    const first = own.pid;
    process.kill(first, 'SIGKILL');
    await until('another PostgreSQL runs', () => own.pid !== first);
    await until('the service is ready again', async () => (await readiness(deployment)) === 200);
    await (await tenant.createSite('Oslo')).provisioned();
  }));
});
