import type { NatsAccountDto } from '../../src/nats/dto/nats.dto.js';
import { ok } from '../../lab/api.js';
import type { Tenant } from '../../lab/tenant.js';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

describe('a service whose hub is away', () => {
  const lab = withDeployment(async (deployment) => {
    await deployment.hub.stop();
    const tenant = await deployment.tenant('Acme');
    return { tenant, site: await tenant.createSite('New York') };
  });

  const account = ({ api }: Tenant) => ok(api.get<NatsAccountDto>('/admin/nats/account'));

  it('provisions sites all the same', lab(async ({ arranged: { tenant, site } }) => {
    expect(await site.provisioned()).toMatchObject({ status: 'provisioned', generation: 1, last_error: null });
    expect(await account(tenant)).toMatchObject({ pushed: false });
  }));

  it('brings the account to the hub when that is back, and the leaf connects', lab(async ({ deployment, arranged: { tenant, site } }) => {
    await deployment.hub.start();
    await until('the hub has the account', async () => (await account(tenant)).pushed);
    await site.install();
    expect(await deployment.hub.leaves()).toEqual(['nats-new-york']);
  }));

  it('revokes what was deleted meanwhile when the hub is back', lab(async ({ deployment, arranged: { site } }) => {
    await deployment.hub.stop();
    const said = site.leaf.log.length;
    await expect(site.delete()).rejects.toThrow('buffer_unknown');
    await site.delete('?buffered=discard');
    await deployment.hub.start();
    await until('the hub refuses the leaf', () => /authorization violation/i.test(site.leaf.log.slice(said)));
    await until('no leaf is connected', async () => (await deployment.hub.leaves()).length === 0);
  }));
});
