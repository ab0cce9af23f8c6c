import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type Secret, systemClock, systemRandom } from '#libs/kernel';
import { EdgeSite, NatsAccount, NatsLeafServer, type Tenant } from '#libs/model';
import { createKeyPair, formatCreds, type KeyPair, signUser } from '#libs/nats';
import { AppModule } from '../../../src/app.module.js';
import { EdgeSitesService, LeafGenerations, type SiteWithLeaf } from '../../../src/edge-sites/index.js';
import { AccountService, TenantCredentials, HubFiles, OperatorService } from '../../../src/nats/index.js';
import { type Caller, systemCaller } from '../../../src/platform/auth/index.js';
import { parseConfig, type ProcessRole } from '../../../src/platform/config/index.js';
import { DatabaseUrls } from '../../../src/platform/database/index.js';
import { TenantsService } from '../../../src/tenants/index.js';
import { credsAuthenticator } from '../../support/creds-authenticator.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';
import { freePort, NatsServer, type NatsVersion, until } from '../nats/nats-server.js';
import { TestLeaf } from './test-leaf.js';

interface Ports {
  client: number;
  leaf: number;
  monitor: number;
}

/** Off the loopback addresses that the hub knows as such, it speaks TLS to its clients. */
const TLS_HOST = '127.0.0.2';

/** The service's processes on a database and a hub of their own. */
export class Installation {
  readonly directory = mkdtempSync(join(tmpdir(), 'serviceradar-nats-service-'));
  readonly #processes: INestApplicationContext[] = [];
  readonly #connections: NatsConnection[] = [];
  readonly #leaves: TestLeaf[] = [];
  #hub: NatsServer | undefined;
  #idle: INestApplicationContext | undefined;

  private constructor(
    readonly version: NatsVersion,
    readonly database: TestDatabase,
    readonly ports: Ports,
    private readonly clientHost: string,
    private readonly sitesPerStream: number | undefined,
  ) {}

  /** Makes the database and the hub's configuration; neither a process nor the hub runs yet. */
  static async prepare(version: NatsVersion, { tls = false, sitesPerStream }: { tls?: boolean; sitesPerStream?: number } = {}): Promise<Installation> {
    const [client, leaf, monitor] = await Promise.all([freePort(), freePort(), freePort()]);
    const ports = { client: client!, leaf: leaf!, monitor: monitor! };
    const installation = new Installation(version, await startTestDatabase(), ports, tls ? TLS_HOST : '127.0.0.1', sitesPerStream);
    installation.#idle = await installation.process();
    return installation;
  }

  /** A process without a role, for what the API does. */
  get idle(): INestApplicationContext {
    return this.#idle!;
  }

  /** All processes that run, the newest last. */
  get processes(): readonly INestApplicationContext[] {
    return this.#processes;
  }

  /** Starts a process of the service. */
  async process(...roles: ProcessRole[]): Promise<INestApplicationContext> {
    const { serviceUrl, ownerUrl, jobsUrl } = this.database;
    const config = parseConfig({
      NODE_ENV: 'test',
      DATA_DIR: this.directory,
      DATABASE_URL: serviceUrl,
      NATS_URL: `${this.clientHost === TLS_HOST ? 'tls' : 'nats'}://${this.clientHost}:${this.ports.client}`,
      NATS_LEAF_UPSTREAM_URL: `tls://127.0.0.1:${this.ports.leaf}`,
      SITES_PER_STREAM: this.sitesPerStream?.toString(),
    });
    const module = AppModule.forRoot({ ...config, roles }, new DatabaseUrls(ownerUrl, serviceUrl, jobsUrl));
    const process = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
    this.#processes.push(process);
    return process;
  }

  /** Ends a process in order. */
  async end(process: INestApplicationContext): Promise<void> {
    this.#processes.splice(this.#processes.indexOf(process), 1);
    await process.close();
  }

  async startHub(): Promise<void> {
    this.#hub = await NatsServer.start(this.version, this.directory, 'hub', await this.configureHub(), this.ports.monitor);
  }

  /** The hub's server. */
  get hub(): NatsServer {
    return this.#hub!;
  }

  /** Writes the hub's files. @returns its configuration */
  async configureHub(): Promise<string> {
    const local = (port: number) => ({ host: '127.0.0.1', port });
    const file = await this.idle.get(HubFiles, { strict: false }).write(this.hubDirectory, {
      serverName: 'nats-hub',
      listen: { host: this.clientHost, port: this.ports.client },
      leafListen: local(this.ports.leaf),
      leafAdvertise: local(this.ports.leaf),
      monitor: local(this.ports.monitor),
      hosts: [this.clientHost, '127.0.0.1'],
      isolatesLeafnodeInterest: this.version.isolatesLeafnodeInterest,
    });
    return readFileSync(file, 'utf8');
  }

  /** Kills the hub. @param options.forget also remove the accounts that were pushed to it */
  async stopHub({ forget = false } = {}): Promise<void> {
    await this.#hub?.stop('SIGKILL');
    if (forget) rmSync(join(this.hubDirectory, 'data', 'accounts'), { recursive: true });
  }

  tenant(slug: string): Promise<Tenant> {
    return this.idle.get(TenantsService, { strict: false }).create(systemCaller('test', null), { name: slug, slug });
  }

  caller(tenant: Tenant): Caller {
    return systemCaller('test', tenant.id);
  }

  account(tenant: Tenant): Promise<NatsAccount> {
    return this.database.database.em({ tenantId: tenant.id }).findOneOrFail(NatsAccount, { tenantId: tenant.id, kind: 'tenant' });
  }

  /** Waits until the hub has confirmed the newest JWT of the account. */
  async pushed(tenant: Tenant): Promise<void> {
    await until(`the account of ${tenant.slug} is pushed`, async () => (await this.account(tenant)).pushed);
  }

  /** Waits until the hub has confirmed the account again. @param since what `pushedAt` was before */
  async pushedAgain(tenant: Tenant, since: Date): Promise<void> {
    await until(`the account of ${tenant.slug} is pushed again`, async () => {
      const { pushed, pushedAt } = await this.account(tenant);
      return pushed && pushedAt! > since;
    });
  }

  /** Whether a transaction waits for another one's lock. */
  async somebodyWaits(): Promise<boolean> {
    const waiting = await this.database.database.em('platform').execute('select from pg_locks where not granted');
    return waiting.length > 0;
  }

  /** A user of a person. */
  person(tenant: Tenant, { publish = ['logs.>'], subscribe = ['logs.>'], expiresIn = 3600 } = {}) {
    const credentials = this.idle.get(TenantCredentials, { strict: false });
    return credentials.createForPerson(this.caller(tenant), { name: 'test', publish, subscribe, expiresIn });
  }

  /** The creds of somebody who may do everything in the tenant's account, as no user of the service's may. */
  async unlimited(tenant: Tenant): Promise<Secret> {
    const account = await this.account(tenant);
    const signer = this.idle.get(AccountService, { strict: false }).signingKey(account);
    return unlimitedCreds(account.publicKey, signer);
  }

  /** Connects to the hub as a client. It does not come back by itself when the hub refuses it. */
  async toHub(creds: Secret): Promise<NatsConnection> {
    const authenticator = credsAuthenticator(Buffer.from(creds.reveal()));
    return this.keep(connect({ servers: this.clientUrl, authenticator, timeout: 5_000, reconnect: false }));
  }

  /** A connection to the hub's system account without any limits. */
  async system(): Promise<NatsConnection> {
    const { systemAccount, systemAccountKey } = this.idle.get(OperatorService, { strict: false });
    return this.reconnecting(unlimitedCreds(systemAccount.publicKey, systemAccountKey));
  }

  /** A connection to the hub in a tenant's control account without any limits. */
  async inControlAccount(tenant: Tenant): Promise<NatsConnection> {
    const account = await this.database.database.em({ tenantId: tenant.id }).findOneOrFail(NatsAccount, { kind: 'control' });
    return this.reconnecting(unlimitedCreds(account.publicKey, this.idle.get(AccountService, { strict: false }).signingKey(account)));
  }

  /** A site whose leaf is provisioned; a process with the role of a worker has to run. */
  async site(tenant: Tenant, slug: string): Promise<SiteWithLeaf> {
    return this.provisioned(tenant, await this.createSite(tenant, slug));
  }

  /** Sites whose leaves are provisioned, all in one go. @returns their ids, in order */
  async manySites(tenant: Tenant, slugs: readonly string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const slug of slugs) ids.push(await this.createSite(tenant, slug));
    const em = () => this.database.database.em({ tenantId: tenant.id });
    await until('all leaves are provisioned', async () => (await em().count(NatsLeafServer, { provisionedGeneration: null })) === 0, { timeout: 240_000, interval: 250 });
    return ids;
  }

  private async createSite(tenant: Tenant, slug: string): Promise<string> {
    const [port, monitorPort] = await Promise.all([freePort(), freePort()]);
    const { site } = await this.sites.create(this.caller(tenant), {
      name: slug,
      slug,
      natsLeafUrl: null,
      labels: {},
      serverSans: [],
      localListen: `127.0.0.1:${port}`,
      monitorPort,
    });
    return site.id;
  }

  /** Waits until the newest generation of the site's leaf is provisioned. */
  provisioned(tenant: Tenant, siteId: string): Promise<SiteWithLeaf> {
    return until('the leaf is provisioned', async () => {
      const found = await this.found(tenant, siteId);
      return found.leaf.provisionedGeneration === found.leaf.generation ? found : undefined;
    });
  }

  /** Installs the bundle of the newest generation, and starts it. */
  async startLeaf(tenant: Tenant, siteId: string): Promise<TestLeaf> {
    const { site, leaf } = await this.found(tenant, siteId);
    const installed = await TestLeaf.install(join(this.directory, tenant.slug, site.slug), leaf, this.idle, this.version);
    await installed.start();
    this.#leaves.push(installed);
    return installed;
  }

  async found(tenant: Tenant, siteId: string): Promise<SiteWithLeaf> {
    const em = this.database.database.em({ tenantId: tenant.id });
    const populate = ['bundleCiphertext'] as const;
    const leaf = await em.findOneOrFail(NatsLeafServer, { edgeSiteId: siteId }, { populate });
    return { leaf, site: await em.findOneOrFail(EdgeSite, { id: siteId }) };
  }

  get sites(): EdgeSitesService {
    return this.idle.get(EdgeSitesService, { strict: false });
  }

  get generations(): LeafGenerations {
    return this.idle.get(LeafGenerations, { strict: false });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
    // What they are at may need the leaves, and they wait for each that is silent.
    await Promise.all(this.#processes.map((process) => process.close()));
    await Promise.all(this.#leaves.map((leaf) => leaf.stop()));
    await this.#hub?.stop();
    await this.database.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private get hubDirectory(): string {
    return join(this.directory, 'hub');
  }

  private get clientUrl(): string {
    return `nats://${this.clientHost}:${this.ports.client}`;
  }

  private reconnecting(creds: Secret): Promise<NatsConnection> {
    const authenticator = credsAuthenticator(Buffer.from(creds.reveal()));
    return this.keep(connect({ servers: this.clientUrl, authenticator, timeout: 5_000 }));
  }

  private async keep(opening: Promise<NatsConnection>): Promise<NatsConnection> {
    const connection = await opening;
    this.#connections.push(connection);
    return connection;
  }
}

function unlimitedCreds(account: string, signer: KeyPair): Secret {
  const keyPair = createKeyPair('user', systemRandom);
  const permissions = { publish: { allow: ['>'] }, subscribe: { allow: ['>'] } };
  const user = { name: 'test', publicKey: keyPair.publicKey, account, permissions, allowedConnectionTypes: ['STANDARD' as const] };
  return formatCreds({ jwt: signUser(user, signer, systemClock), keyPair });
}
