import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { CAPTURED_SUBJECTS, HUB_DOMAIN, hubStream, leafStream, parseStreamAnswer, type StreamConfig, streamRequest } from '#libs/nats';
import { Child } from '../lab/child.js';
import { freePort } from '../lab/free-port.js';
import { NATS_SERVERS } from '../lab/nats-versions.js';
import { temporaryDirectory } from '../lab/temporary-directory.js';
import { until } from '../lab/until.js';

const LEAF_DOMAIN = 'bare';

/** The baseline of streams: nats-server alone as hub and leaf, in the clear and without users, with the two streams of a site. */
export interface BarePair {
  leaf: NatsConnection;
  hub: NatsConnection;
  /** Ends both servers and removes their files. */
  stop: () => Promise<void>;
}

/** @param syncAlways whether the leaf writes each message to disk before it acknowledges it, as sites do unless told otherwise */
export async function startBarePair({ syncAlways }: { syncAlways: boolean }): Promise<BarePair> {
  const directory = temporaryDirectory();
  const [hubPort, linkPort, leafPort] = [await freePort(), await freePort(), await freePort()];
  const captured = JSON.stringify(CAPTURED_SUBJECTS);
  const servers = [
    start(directory, 'hub', { port: hubPort, domain: HUB_DOMAIN, more: `leafnodes { listen: "127.0.0.1:${linkPort}" }` }),
    start(directory, 'leaf', {
      port: leafPort,
      domain: LEAF_DOMAIN,
      sync: syncAlways ? 'sync_interval: always' : '',
      more: `leafnodes { remotes: [{ url: "nats://127.0.0.1:${linkPort}", deny_imports: ${captured}, deny_exports: ${captured} }] }`,
    }),
  ];
  const connections: NatsConnection[] = [];
  const stop = async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(directory, { recursive: true });
  };
  try {
    for (const port of [leafPort, hubPort]) connections.push(await until('the server serves', () => connect({ servers: `127.0.0.1:${port}` })));
    const [leaf, hub] = connections as [NatsConnection, NatsConnection];
    await create(leaf, leafStream({ clock: { now: () => new Date() } }));
    await until('the leaf is linked', () => hub.request(streamRequest('info', { domain: LEAF_DOMAIN })));
    await create(hub, hubStream({ sites: [{ site: 'bare', jetstreamDomain: LEAF_DOMAIN }] }));
    return { leaf, hub, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function start(directory: string, name: string, { port, domain, sync = '', more }: { port: number; domain: string; sync?: string; more: string }): Child {
  const home = join(directory, name);
  mkdirSync(home);
  const file = join(home, 'nats.conf');
  const jetstream = `jetstream { store_dir: "${home}", domain: ${domain}\n${sync} }`;
  writeFileSync(file, `server_name: ${name}\nlisten: "127.0.0.1:${port}"\n${jetstream}\n${more}\n`);
  return new Child(name, NATS_SERVERS.latest, ['-c', file], { log: join(home, 'log') });
}

/** @throws Error with what the server says against it */
async function create(connection: NatsConnection, config: StreamConfig): Promise<void> {
  const { data } = await connection.request(streamRequest('create'), JSON.stringify(config), { timeout: 10_000 });
  const answer = parseStreamAnswer(data);
  if (answer.kind !== 'stream') throw new Error(`The stream was not made: ${JSON.stringify(answer)}`);
}
