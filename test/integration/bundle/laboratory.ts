import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { edgeSiteEntries, edgeSiteFolder, packBundle, renderEdgeSiteFiles } from '#libs/bundle';
import { Secret, systemClock, systemRandom } from '#libs/kernel';
import {
  type Account,
  createKeyPair,
  formatCreds,
  type KeyPair,
  leafControlPermissions,
  leafUserPermissions,
  NO_LIMIT,
  operatorMode,
  type Permissions,
  preload,
  publisherPermissions,
  renderConf,
  renderLeafConfiguration,
  signAccount,
  signOperator,
  signUser,
  systemServicePermissions,
} from '#libs/nats';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { type Certificates, makeCertificates } from '../nats/certificates.js';
import { freePort, NatsServer, type NatsVersion } from '../nats/nats-server.js';
import { type Outcome, runScript } from './run-script.js';

export const SITE = 'new-york';
/** Each part would leave a file called `canary`, or change a file's meaning, if it were taken for anything but text. */
export const SITE_NAME = `$(touch canary) \`touch canary\` '; touch canary; ' "a" %n <img src=x onerror=alert(1)> \${HOME} 😀 \\`;

const STORE_BYTES = 16 * 1024 * 1024;

const newKey = (kind: 'operator' | 'account' | 'user'): KeyPair => createKeyPair(kind, systemRandom);

export interface BundleOptions {
  generation: number;
  /** Changes the rendered configuration. */
  edit?: (natsLeafConf: string) => string;
  /** Who the leaf is at the hub; a user of the tenant when absent. */
  user?: KeyPair;
  /** Whose user it is; the tenant's when absent. */
  account?: KeyPair;
}

interface SetupOptions {
  shell?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Sent to the script when it waits for the connection. */
  interrupt?: NodeJS.Signals;
}

/** A hub, and bundles of one site as the control plane makes them. */
export class Laboratory {
  readonly dir = mkdtempSync(join(tmpdir(), 'serviceradar-bundle-'));
  readonly certificates: Certificates = makeCertificates(join(this.dir, 'certs'));
  hub: NatsServer | undefined;
  monitorPort!: number;
  private readonly keys = { operator: newKey('operator'), system: newKey('account'), leafSystem: newKey('account'), tenant: newKey('account'), control: newKey('account') };
  /** Signed once, as the control plane does: what the server is trusted by cannot change while it runs. */
  private readonly operatorJwt = signOperator({ name: 'operator', publicKey: this.keys.operator.publicKey, signingKeys: [] }, this.keys.operator, systemClock);
  private readonly connections: NatsConnection[] = [];
  private ports!: { hub: number; hubLeaf: number; hubMonitor: number; leaf: number };
  private bundles = 0;

  private constructor(readonly version: NatsVersion) {}

  static async open(version: NatsVersion): Promise<Laboratory> {
    const laboratory = new Laboratory(version);
    const [hub, hubLeaf, hubMonitor, leaf, leafMonitor] = await Promise.all(Array.from({ length: 5 }, freePort));
    laboratory.ports = { hub: hub!, hubLeaf: hubLeaf!, hubMonitor: hubMonitor!, leaf: leaf! };
    laboratory.monitorPort = leafMonitor!;
    return laboratory;
  }

  async startHub(): Promise<void> {
    const { hub, rootCa } = this.certificates;
    const tls = { cert_file: hub.cert, key_file: hub.key, ca_file: rootCa, verify: true };
    const { system, tenant, control } = this.keys;
    const configuration = renderConf({
      server_name: 'hub',
      listen: `127.0.0.1:${this.ports.hub}`,
      http: `127.0.0.1:${this.ports.hubMonitor}`,
      tls,
      ...operatorMode(this.operatorJwt, system.publicKey),
      resolver: 'MEMORY',
      resolver_preload: preload([
        this.preloaded('system', system),
        this.preloaded('acme', tenant, STORE_BYTES),
        this.preloaded('acme.control', control),
      ]),
      jetstream: { domain: 'hub', store_dir: join(this.dir, 'hub') },
      leafnodes: { listen: `127.0.0.1:${this.ports.hubLeaf}`, tls },
    });
    this.hub = await NatsServer.start(this.version, this.dir, 'hub', configuration, this.ports.hubMonitor);
  }

  get upstreamUrl(): string {
    return `tls://localhost:${this.ports.hubLeaf}`;
  }

  /** Unpacks a bundle of the site as a person would. @returns the unpacked folder */
  async bundle({ generation, edit = (conf) => conf, user = newKey('user'), account = this.keys.tenant }: BundleOptions): Promise<string> {
    const { leaf, leafListener, chain, tenantCa } = this.certificates;
    const listen = { host: '127.0.0.1', port: this.ports.leaf };
    const tenant = this.preloaded('acme', this.keys.tenant, STORE_BYTES);
    const natsLeafConf = renderLeafConfiguration({
      serverName: `nats-${SITE}`,
      listen,
      monitorPort: this.monitorPort,
      upstreamUrls: [this.upstreamUrl],
      jetstream: { domain: 'edge', maxMemoryBytes: STORE_BYTES, maxFileBytes: STORE_BYTES, syncAlways: true },
      operatorJwt: this.operatorJwt,
      systemAccount: this.preloaded('leaf-system', this.keys.leafSystem),
      account: tenant,
    });
    const files = renderEdgeSiteFiles({
      siteName: SITE_NAME,
      siteSlug: SITE,
      tenantSlug: 'acme',
      generation,
      natsLeafConf: edit(natsLeafConf),
      upstreamUrl: this.upstreamUrl,
      listen,
      monitorPort: this.monitorPort,
      natsLeafUrl: `tls://localhost:${this.ports.leaf}`,
      jetstreamMaxFileBytes: STORE_BYTES,
    });
    const read = (path: string) => readFileSync(path, 'utf8');
    const entries = edgeSiteEntries({
      files,
      certificates: { serverCertPem: read(leafListener.cert), leafCertPem: read(leaf.cert), caChainPem: read(chain), tenantCaPem: read(tenantCa) },
      secrets: {
        serverKeyPem: new Secret(read(leafListener.key)),
        leafKeyPem: new Secret(read(leaf.key)),
        creds: this.creds(account, leafUserPermissions({ site: SITE, jetstreamDomain: 'edge' }), 'LEAFNODE', user),
        controlCreds: this.creds(this.keys.control, leafControlPermissions({ account: this.keys.tenant.publicKey }), 'LEAFNODE'),
      },
    });
    const dir = join(this.dir, `download-${++this.bundles}`);
    mkdirSync(dir);
    const archive = await buffer(packBundle(edgeSiteFolder(SITE), entries, { mtime: new Date('2026-01-01T00:00:00Z') }));
    execFileSync('tar', ['-xzf', '-', '-C', dir], { input: archive });
    return join(dir, edgeSiteFolder(SITE));
  }

  /** Runs the setup.sh of a bundle, from a directory of its own. */
  async setup(bundle: string, args: readonly string[], { shell, env, interrupt }: SetupOptions = {}): Promise<Outcome> {
    const cwd = join(this.dir, 'elsewhere');
    mkdirSync(cwd, { recursive: true });
    return runScript(join(bundle, 'setup.sh'), args, {
      cwd,
      shell,
      env: { NATS_SERVER: this.version.path, ...env },
      onOutput: (chunk, child) => interrupt && chunk.includes('Waiting') && child.kill(interrupt),
    });
  }

  /** A connection of a collector at the site. */
  async collector(): Promise<NatsConnection> {
    return this.connect(this.ports.leaf, this.creds(this.keys.tenant, publisherPermissions(['logs.syslog'])), this.certificates.chain);
  }

  /** Calls back with the public key of each user whose leaf connects to the hub in the tenant's account. */
  async onLeafConnected(listener: (user: string) => void): Promise<void> {
    const system = await this.connect(this.ports.hub, this.creds(this.keys.system, systemServicePermissions()), this.certificates.rootCa);
    system.subscribe('$SYS.ACCOUNT.*.CONNECT', {
      callback: (_, message) => {
        const { client } = message.json<{ client: { kind: string; user: string; acc: string } }>();
        if (client.kind === 'Leafnode' && client.acc === this.keys.tenant.publicKey) listener(client.user);
      },
    });
    await system.flush();
  }

  /** What the leaf's monitoring endpoint says. */
  async leaf<T>(path: string): Promise<T> {
    return (await (await fetch(`http://127.0.0.1:${this.monitorPort}${path}`)).json()) as T;
  }

  /** How many links carry the tenant's messages: one, or none. */
  async linksToHub(): Promise<number> {
    const { leafs } = await this.leaf<{ leafs?: { account: string }[] }>('/leafz');
    return (leafs ?? []).filter(({ account }) => account === this.keys.tenant.publicKey).length;
  }

  async close(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()));
    await this.hub?.stop();
    // What a test that failed left running.
    for (const path of readdirSync(this.dir, { recursive: true, encoding: 'utf8' })) {
      if (path.endsWith('/nats-leaf.pid')) process.kill(Number(readFileSync(join(this.dir, path), 'utf8')), 'SIGKILL');
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async connect(port: number, creds: Secret, ca: string): Promise<NatsConnection> {
    const { cert, key } = this.certificates.collector;
    const connection = await connect({
      servers: `tls://localhost:${port}`,
      authenticator: credsAuthenticator(Buffer.from(creds.reveal())),
      inboxPrefix: '_CP',
      maxReconnectAttempts: -1,
      tls: { ca: readFileSync(ca, 'utf8'), cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') },
    });
    this.connections.push(connection);
    return connection;
  }

  private creds(account: KeyPair, permissions: Permissions, connectionType: 'STANDARD' | 'LEAFNODE' = 'STANDARD', keyPair = newKey('user')): Secret {
    const user = { name: 'test', publicKey: keyPair.publicKey, account: account.publicKey, permissions, allowedConnectionTypes: [connectionType] };
    return formatCreds({ jwt: signUser(user, account, systemClock), keyPair });
  }

  private preloaded(name: string, { publicKey }: KeyPair, storeBytes?: number) {
    const jetstream = storeBytes === undefined ? undefined : { maxMemoryBytes: storeBytes, maxFileBytes: storeBytes, maxStreams: NO_LIMIT, maxConsumers: NO_LIMIT };
    const account: Account = { name, publicKey, signingKeys: [], revocations: {}, jetstream };
    return { publicKey, jwt: signAccount(account, this.keys.operator, systemClock) };
  }
}
