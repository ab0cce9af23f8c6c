import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '#libs/kernel';
import {
  type Account,
  type ConnectionType,
  createKeyPair,
  formatCreds,
  type KeyPair,
  leafAccountServicePermissions,
  leafConnectionsServicePermissions,
  leafControlPermissions,
  leafUserPermissions,
  NO_LIMIT,
  type Permissions,
  renderHubConfiguration,
  renderLeafConfiguration,
  signAccount,
  signOperator,
  signUser,
  streamServicePermissions,
  systemServicePermissions,
} from '#libs/nats';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { credsAuthenticator } from '../../support/creds-authenticator.js';
import { type CertificateFiles, type Certificates, makeCertificates } from './certificates.js';
import { freePort, NatsServer, type NatsVersion } from './nats-server.js';

export const SITE = 'new-york';
export const DOMAIN = 'edge';
export const LEAF_STORE_BYTES = 64 * 1024 * 1024;

const key = (kind: 'operator' | 'account' | 'user'): KeyPair => createKeyPair(kind, systemRandom);

/** A hub and one leaf of a tenant, from rendered configurations, in a temporary directory. */
export class Deployment {
  readonly dir = mkdtempSync(join(tmpdir(), 'serviceradar-nats-'));
  readonly certificates: Certificates = makeCertificates(join(this.dir, 'certs'));

  readonly operatorKey = key('operator');
  readonly operatorSigningKey = key('operator');
  readonly systemKey = key('account');
  readonly leafSystemKey = key('account');
  readonly tenantKey = key('account');
  readonly tenantSigningKey = key('account');
  readonly leafUserKey = key('user');
  readonly controlKey = key('account');
  readonly controlUserKey = key('user');

  readonly tenant: Account = {
    name: 'acme',
    publicKey: this.tenantKey.publicKey,
    signingKeys: [this.tenantSigningKey.publicKey],
    revocations: {},
    jetstream: { maxMemoryBytes: NO_LIMIT, maxFileBytes: NO_LIMIT, maxStreams: NO_LIMIT, maxConsumers: NO_LIMIT },
  };

  readonly control: Account = { name: 'acme-control', publicKey: this.controlKey.publicKey, signingKeys: [], revocations: {} };

  hub!: NatsServer;
  leaf!: NatsServer;
  private readonly connections: NatsConnection[] = [];
  private ports!: { hub: number; hubLeaf: number; hubMonitor: number; leaf: number; leafMonitor: number };

  constructor(readonly version: NatsVersion) {}

  async allocatePorts(): Promise<void> {
    const [hub, hubLeaf, hubMonitor, leaf, leafMonitor] = await Promise.all(Array.from({ length: 5 }, freePort));
    this.ports = { hub: hub!, hubLeaf: hubLeaf!, hubMonitor: hubMonitor!, leaf: leaf!, leafMonitor: leafMonitor! };
  }

  async startHub(): Promise<void> {
    const { rootCa, hub } = this.certificates;
    const tls = { cert: hub.cert, key: hub.key, ca: rootCa };
    const configuration = renderHubConfiguration({
      serverName: 'nats-hub',
      listen: { host: '127.0.0.1', port: this.ports.hub },
      clientTls: tls,
      leafListen: { host: '127.0.0.1', port: this.ports.hubLeaf },
      leafAdvertise: { host: 'localhost', port: this.ports.hubLeaf },
      leafTls: tls,
      monitor: { host: '127.0.0.1', port: this.ports.hubMonitor },
      operatorJwt: this.operatorJwt(),
      systemAccount: this.systemAccount(this.systemKey, 'hub-system'),
      resolverDir: join(this.dir, 'hub', 'accounts'),
      jetstream: { storeDir: join(this.dir, 'hub', 'jetstream'), maxMemoryBytes: LEAF_STORE_BYTES, maxFileBytes: 100 * LEAF_STORE_BYTES },
      isolateLeafnodeInterest: this.version.isolatesLeafnodeInterest,
      pidFile: join(this.dir, 'hub.pid'),
    });
    this.hub = await NatsServer.start(this.version, this.dir, 'hub', configuration, this.ports.hubMonitor);
  }

  get leafUrl(): string {
    return `tls://localhost:${this.ports.hubLeaf}`;
  }

  /** @param jwt the account's, as it stands in the configuration; made now when absent */
  async startLeaf(account: Account = this.tenant, jwt = this.accountJwt(account)): Promise<void> {
    const { leaf, leafListener, rootCa, tenantCa } = this.certificates;
    const creds = join(this.dir, 'tenant.creds');
    const controlCreds = join(this.dir, 'control.creds');
    writeFileSync(creds, this.leafCreds(), { mode: 0o600 });
    writeFileSync(controlCreds, this.controlCreds(), { mode: 0o600 });
    mkdirSync(join(this.dir, 'leaf'), { recursive: true });
    const configuration = renderLeafConfiguration({
      serverName: `nats-${SITE}`,
      listen: { host: '127.0.0.1', port: this.ports.leaf },
      monitorPort: this.ports.leafMonitor,
      upstreamUrls: [this.leafUrl],
      jetstream: { domain: DOMAIN, maxMemoryBytes: LEAF_STORE_BYTES, maxFileBytes: LEAF_STORE_BYTES, syncAlways: true },
      operatorJwt: this.operatorJwt(),
      systemAccount: this.systemAccount(this.leafSystemKey, 'leaf-system'),
      account: { publicKey: account.publicKey, jwt },
      paths: {
        serverCert: leafListener.cert,
        serverKey: leafListener.key,
        clientCa: tenantCa,
        leafCert: leaf.cert,
        leafKey: leaf.key,
        hubCa: rootCa,
        creds,
        controlCreds,
        jetstream: join(this.dir, 'leaf', 'jetstream'),
        accounts: join(this.dir, 'leaf', 'accounts'),
        pidFile: join(this.dir, 'leaf', 'leaf.pid'),
      },
    });
    this.leaf = await NatsServer.start(this.version, this.dir, 'leaf', configuration, this.ports.leafMonitor);
  }

  accountJwt(account: Account): string {
    return signAccount(account, this.operatorSigningKey, systemClock);
  }

  /** A connection of the control plane to the hub's system account. */
  system(): Promise<NatsConnection> {
    return this.toHub(this.creds(this.systemKey.publicKey, this.systemKey, systemServicePermissions()));
  }

  /** A connection of the reconciler to the tenant's account at the hub. */
  streamService(): Promise<NatsConnection> {
    return this.toHub(this.creds(this.tenantKey.publicKey, this.tenantSigningKey, streamServicePermissions()));
  }

  /** A connection of the control plane to the tenant's control account at the hub. */
  leafAccountService(): Promise<NatsConnection> {
    return this.toHub(this.creds(this.controlKey.publicKey, this.controlKey, leafAccountServicePermissions()));
  }

  /** Another one, which asks the tenant's leaves who is connected. */
  leafConnectionsService(): Promise<NatsConnection> {
    return this.toHub(this.creds(this.controlKey.publicKey, this.controlKey, leafConnectionsServicePermissions()));
  }

  async toHub(creds: Uint8Array, inboxPrefix = '_CP'): Promise<NatsConnection> {
    const { rootCa, collector } = this.certificates;
    return this.open(this.ports.hub, { creds, ca: rootCa, certificate: collector, inboxPrefix });
  }

  /** A connection of a client at the site. */
  async toLeaf(creds: Uint8Array | undefined, certificate: CertificateFiles | undefined = this.certificates.collector): Promise<NatsConnection> {
    return this.open(this.ports.leaf, { creds, ca: this.certificates.chain, certificate });
  }

  /** As `toLeaf`, without a client certificate. */
  async toLeafWithoutCertificate(creds: Uint8Array): Promise<NatsConnection> {
    return this.open(this.ports.leaf, { creds, ca: this.certificates.chain, certificate: undefined });
  }

  tenantCreds(permissions: Permissions): Uint8Array {
    return this.creds(this.tenantKey.publicKey, this.tenantSigningKey, permissions);
  }

  leafCreds(): Uint8Array {
    return this.creds(
      this.tenantKey.publicKey,
      this.tenantSigningKey,
      leafUserPermissions({ site: SITE, jetstreamDomain: DOMAIN }),
      ['LEAFNODE'],
      this.leafUserKey,
    );
  }

  controlCreds(): Uint8Array {
    const permissions = leafControlPermissions({ account: this.tenantKey.publicKey });
    return this.creds(this.controlKey.publicKey, this.controlKey, permissions, ['LEAFNODE'], this.controlUserKey);
  }

  creds(account: string, signer: KeyPair, permissions: Permissions, allowedConnectionTypes: ConnectionType[] = ['STANDARD'], keyPair = key('user')): Uint8Array {
    const user = { name: 'test', publicKey: keyPair.publicKey, account, permissions, allowedConnectionTypes };
    return Buffer.from(formatCreds({ jwt: signUser(user, signer, systemClock), keyPair }).reveal());
  }

  async stop(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()));
    await Promise.all([this.leaf?.stop(), this.hub?.stop()]);
    rmSync(this.dir, { recursive: true, force: true });
  }

  private operatorJwt(): string {
    const { publicKey } = this.operatorKey;
    return signOperator({ name: 'operator', publicKey, signingKeys: [this.operatorSigningKey.publicKey] }, this.operatorKey, systemClock);
  }

  private systemAccount({ publicKey }: KeyPair, name: string) {
    return { publicKey, jwt: this.accountJwt({ name, publicKey, signingKeys: [], revocations: {} }) };
  }

  private async open(
    port: number,
    { creds, ca, certificate, inboxPrefix }: { creds?: Uint8Array; ca: string; certificate?: CertificateFiles; inboxPrefix?: string },
  ): Promise<NatsConnection> {
    const connection = await connect({
      servers: `tls://localhost:${port}`,
      reconnectTimeWait: 50,
      maxReconnectAttempts: -1,
      // A server that refuses a certificate under TLS 1.3 does so after the client's handshake: the client only waits.
      timeout: 5_000,
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
      ...(creds ? { authenticator: credsAuthenticator(creds) } : {}),
      tls: {
        ca: readFileSync(ca, 'utf8'),
        ...(certificate ? { cert: readFileSync(certificate.cert, 'utf8'), key: readFileSync(certificate.key, 'utf8') } : {}),
      },
    });
    this.connections.push(connection);
    return connection;
  }
}
