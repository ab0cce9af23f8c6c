import type { NatsConnection } from '@nats-io/transport-node';
import { NatsLeafServer, type Tenant } from '#libs/model';
import { AlertChannelsService } from '../../../src/alerts/alert-channels.service.js';
import { AlertRulesService } from '../../../src/alerts/alert-rules.service.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { Watches } from '../../../src/platform/watches.js';
import { Installation } from '../nats-service/installation.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';

let installation: Installation;
let acme: Tenant;
let globex: Tenant;

beforeAll(async () => {
  installation = await Installation.prepare(NATS_VERSIONS.at(-1)!);
  await installation.startHub();
  await installation.process('worker', 'monitor');
  [acme, globex] = [await installation.tenant('acme'), await installation.tenant('globex')];
  for (const tenant of [acme, globex]) await installation.pushed(tenant);
});
afterAll(() => installation.stop());

/** What somebody of the tenant hears who listens to its alerts. */
async function heard(tenant: Tenant): Promise<{ connection: NatsConnection; messages: { subject: string; event: string; total: number }[] }> {
  const { creds } = await installation.person(tenant, { publish: [], subscribe: ['alerts.>'] });
  const connection = await installation.toHub(creds);
  const messages: { subject: string; event: string; total: number }[] = [];
  connection.subscribe('alerts.>', { callback: (_error, message) => void messages.push({ subject: message.subject, ...message.json<{ event: string; total: number }>() }) });
  await connection.flush();
  return { connection, messages };
}

describe('a NATS channel', () => {
  it('tells whoever of the tenant listens, and nobody else', async () => {
    const { site } = await installation.site(acme, 'new-york');
    const own = await heard(acme);
    const foreign = await heard(globex);
    const caller = installation.caller(acme);
    const channel = await installation.idle.get(AlertChannelsService, { strict: false }).create(caller, { name: 'NATS', kind: 'nats' });
    await installation.idle.get(AlertRulesService, { strict: false }).create(caller, {
      name: 'Drifted', kind: 'drifted_for', enabled: true, severity: 'warning', threshold: 10, resolveAfter: 0, labelSelector: {}, checks: [], includesNeverConnected: false, channelIds: [channel.id],
    });
    const drift = (driftedSince: Date | null) => installation.database.database.em(PLATFORM).nativeUpdate(NatsLeafServer, { edgeSiteId: site.id }, { driftedSince });
    await drift(new Date(0));
    await until('the alert is told of', () => own.messages.length === 1);
    await drift(null);
    await until('it is told to be over', () => own.messages.length === 2);
    expect(own.messages).toMatchObject([
      { subject: 'alerts.warning.new-york', event: 'opened', total: 1 },
      { subject: 'alerts.warning.new-york', event: 'resolved', total: 1 },
    ]);
    await foreign.connection.flush();
    expect(foreign.messages).toEqual([]);
  });
});

describe('the monitor', () => {
  it('notes that it watches the hub, and since when', async () => {
    const watches = new Watches(installation.database.database);
    const watch = await until('the hub is watched', () => watches.of('hub'));
    expect(watch.watchedSince.getTime()).toBeLessThanOrEqual(watch.seenAt.getTime());
    await installation.stopHub();
    await installation.startHub();
    // Whoever went and came meanwhile was not seen.
    await until('it is watched anew', async () => (await watches.of('hub'))!.watchedSince > watch.watchedSince);
  });
});

describe('watches', () => {
  it('last until nobody has looked for longer than a gap', async () => {
    const watches = new Watches(installation.database.database);
    const at = (seconds: number) => new Date(Date.UTC(2030, 0, 1) + seconds * 1000);
    const since = async (seconds: number, options?: { afterGap: boolean }) => ((await watches.seen('hub', at(seconds), 90, options)).watchedSince.getTime() - at(0).getTime()) / 1000;
    expect([await since(0, { afterGap: true }), await since(90), await since(150), await since(241), await since(250), await since(251, { afterGap: true })]).toEqual([0, 0, 0, 241, 241, 251]);
  });
});
