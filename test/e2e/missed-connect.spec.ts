import type { NatsCredentialDto } from '../../src/nats/dto/nats.dto.js';
import { ok } from '../../lab/api.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

describe('a new generation that connects while nobody looks', () => {
  const lab = withDeployment(async (deployment) => {
    const tenant = await deployment.tenant('Acme');
    const site = await tenant.createSite('New York');
    await site.install();
    return { tenant, site };
  });

  it('is found when the service is back, and the one before is revoked', lab(async ({ deployment, arranged: { tenant, site } }) => {
    await site.regenerate();
    await site.provisioned();
    const bundle = await site.download();
    await deployment.service.stop();
    await site.leaf.install(bundle);

    await deployment.startService();
    await site.connected(2);
    await until('the user of generation 1 is revoked', async () => {
      const { data } = await ok(tenant.api.get<{ data: NatsCredentialDto[] }>('/admin/nats/credentials'));
      const statuses = data.filter(({ purpose }) => purpose === 'leaf').map(({ generation, status }) => `${generation} ${status}`);
      return statuses.includes('1 revoked') && statuses.includes('2 issued');
    });
  }));
});
