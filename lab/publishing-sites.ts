import type { NatsConnection } from '@nats-io/transport-node';
import type { Deployment } from './deployment.js';
import { Ledger, type LedgerSite } from './ledger.js';
import { streamReady } from './messages.js';
import { connectToHub } from './nats-client.js';
import type { Site } from './site.js';
import type { Tenant } from './tenant.js';

/** What they publish. */
export const SUBJECT = 'logs.syslog';

/** Three sites of a tenant that publish, and what they have published. */
export interface PublishingSites {
  tenant: Tenant;
  sites: Site[];
  hub: NatsConnection;
  /** A client at each of them. */
  posts: LedgerSite[];
  ledger: Ledger;
  close: () => Promise<void>;
}

/** Makes three sites of a tenant, installs their leaves and connects to them. */
export async function publishingSites(deployment: Deployment): Promise<PublishingSites> {
  const tenant = await deployment.tenant('Acme');
  const sites: Site[] = [];
  for (const name of ['New York', 'Oslo', 'Paris']) sites.push(await tenant.createSite(name));
  await Promise.all(sites.map((site) => site.install()));
  const creds = await tenant.credentials({ publish: [SUBJECT], subscribe: [SUBJECT] });
  const hub = await connectToHub({ url: deployment.hub.clientUrl, creds });
  const posts = await Promise.all(sites.map(async ({ slug, leaf }) => ({ slug, connection: await leaf.connect(creds) })));
  const connections = [hub, ...posts.map(({ connection }) => connection)];
  await Promise.all(connections.map(streamReady));
  const close = async () => void (await Promise.all(connections.map((connection) => connection.close())));
  return { tenant, sites, hub, posts, ledger: new Ledger(hub, posts, SUBJECT), close };
}
