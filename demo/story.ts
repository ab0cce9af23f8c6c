import type { NatsConnection } from '@nats-io/transport-node';
import type { NatsCredentialDto } from '../src/nats/dto/nats.dto.js';
import { ok } from '../lab/api.js';
import type { Collector } from '../lab/collector.js';
import { Deployment } from '../lab/deployment.js';
import { digest, labelled, publish, read, type StoredMessage, streamReady } from '../lab/messages.js';
import { connectToHub } from '../lab/nats-client.js';
import { processesOf } from '../lab/processes.js';
import type { Site } from '../lab/site.js';
import type { Tenant } from '../lab/tenant.js';
import { until } from '../lab/until.js';
import { grouped, type Progress } from './progress.js';

const SUBJECT = 'logs.syslog';
const BATCH = 1_000;

/** Of the collectors: SNMP traps at a site, NetFlow without one. */
const TRAPS = 'logs.snmp';
const FLOWS = 'events.netflow';

export interface StoryOptions {
  progress: Progress;
  natsServer: string;
  /** Whether everything is to go on when we have ended. */
  keep: boolean;
}

/** The main job of the product, before one's eyes. Each step holds what it says, or fails. */
export class Story {
  private readonly deployment: Deployment;
  private readonly connections: NatsConnection[] = [];
  private tenant!: Tenant;
  private sites!: [newYork: Site, oslo: Site];
  private bundles: string[] = [];
  private creds!: string;
  private atLeaf!: NatsConnection;
  private atHub!: NatsConnection;
  private collectors!: [trapd: Collector, netflow: Collector];
  private publishing!: NatsConnection[];

  constructor(private readonly options: StoryOptions) {
    this.deployment = new Deployment({ natsServer: options.natsServer, detached: true });
  }

  async tell(): Promise<void> {
    const { progress, keep } = this.options;
    await progress.step('Start PostgreSQL, hub and service', () => this.start());
    await progress.step('Create a tenant and its admin key', () => this.createTenant());
    await progress.step('Create two edge sites', () => this.createSites());
    await progress.step('A worker provisions their leaves', () => this.provision());
    await progress.step('Download with the curl lines of the API', () => this.download());
    await progress.step('Run setup.sh, which starts the leaves', () => this.install());
    await progress.step('The hub sees them connected', () => this.connect());
    await progress.step(`Publish ${grouped(BATCH)} messages at New York`, () => this.publish('before'));
    await progress.step("Read them from the hub's stream", () => this.readBack('before', BATCH));
    await progress.step('Stop the hub', () => this.stopHub());
    await progress.step(`Publish ${grouped(BATCH)} more meanwhile`, () => this.publish('meanwhile'));
    await progress.step('Start the hub again', () => this.startHub());
    await progress.step('All of them arrive, each once', () => this.readBack('meanwhile', 2 * BATCH));
    await progress.step('Regenerate New York', () => this.regenerate());
    await progress.step('Install the new generation', () => this.reinstall());
    await progress.step('The old credentials are revoked', () => this.oldUserRevoked());
    await progress.step('Create collectors at New York and at no site', () => this.createCollectors());
    await progress.step('Fetch their bundles with the curl lines', () => this.fetchCollectors());
    await progress.step('Publish with the files of the bundles', () => this.publishAsCollectors());
    await progress.step('Revoke the collectors; they are cut off', () => this.revokeCollectors());
    if (!keep) await progress.step('Delete the sites; the hub drops them', () => this.deleteSites());
  }

  /** The last lines that the servers wrote. */
  get logs(): string {
    return this.deployment.logs();
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.connections.splice(0).map((connection) => connection.close()));
  }

  /** Ends all processes and removes all files. */
  async cleanUp(): Promise<void> {
    await this.disconnect();
    await this.deployment.stop();
    const left = processesOf(this.deployment.directory).map(({ pid, command }) => `${pid} ${command}`);
    expectEqual('processes left behind', left, []);
  }

  /** How to look at what was left running, and how to stop it. */
  get directions(): string {
    const { service, hub } = this.deployment;
    const [{ leaf }] = this.sites;
    return [
      'All of it goes on. The API as the tenant’s administrator:',
      '',
      `  curl -H 'Authorization: Bearer ${this.tenant.api.credentials.key}' ${service.api.url}/api/admin/edge-sites`,
      '',
      `  Documentation         ${service.api.url}/api/docs`,
      `  Platform admin's key  ${service.adminKey}`,
      `  Leaf in New York      tls://127.0.0.1:${leaf.port}, certificates in ${leaf.certificates}`,
      `  Hub                   ${hub.clientUrl} for clients, ${hub.leafUrl} for leaves`,
      '',
      `Stop and remove all of it:  sh ${this.deployment.writeStopScript()}`,
    ].join('\n');
  }

  private async start(): Promise<string> {
    await this.deployment.start();
    return `API on ${this.deployment.service.api.url}, hub on ${this.deployment.hub.leafUrl}`;
  }

  private async createTenant(): Promise<string> {
    this.tenant = await this.deployment.tenant('Acme Manufacturing');
    return `${this.tenant.slug}, with a CA and a NATS account of its own`;
  }

  private async createSites(): Promise<string> {
    this.sites = [await this.tenant.createSite('New York'), await this.tenant.createSite('Oslo')];
    return this.sites.map(({ slug }) => slug).join(', ');
  }

  private async provision(): Promise<string> {
    const leaves = await Promise.all(this.sites.map((site) => site.provisioned()));
    return `certificates until ${leaves[0]!.cert_expires_at!.slice(0, 10)}, domains ${leaves.map((leaf) => leaf.jetstream_domain).join(' and ')}`;
  }

  private async download(): Promise<string> {
    this.bundles = await Promise.all(this.sites.map((site) => site.download()));
    return 'each with a token that is good for one download';
  }

  private async install(): Promise<string> {
    await Promise.all(this.sites.map(({ leaf }, index) => leaf.install(this.bundles[index]!)));
    const { server_name, version } = await this.sites[0].leaf.monitor<{ server_name: string; version: string }>('/varz');
    return `${server_name} and one more, nats-server ${version}`;
  }

  private async connect(): Promise<string> {
    const [newYork] = await Promise.all(this.sites.map((site) => site.connected()));
    const names = await this.deployment.hub.leaves();
    expectEqual('leaves at the hub', names, ['nats-new-york', 'nats-oslo']);
    return `${names.join(', ')}; site ${newYork!.status}, last seen ${newYork!.last_seen_at!.slice(11, 19)}`;
  }

  private async publish(label: string): Promise<string> {
    if (this.creds === undefined) await this.connectClients();
    await publish(this.atLeaf, { subject: SUBJECT, label, count: BATCH });
    return 'all acknowledged by the leaf';
  }

  private async connectClients(): Promise<void> {
    const { hub } = this.deployment;
    const { leaf } = this.sites[0];
    this.creds = await this.tenant.credentials({ publish: [SUBJECT], subscribe: [SUBJECT, TRAPS, FLOWS] });
    this.atLeaf = await leaf.connect(this.creds);
    this.atHub = await connectToHub({ url: hub.clientUrl, creds: this.creds });
    this.connections.push(this.atLeaf, this.atHub);
    await streamReady(this.atLeaf);
  }

  /** What is at the hub is, message by message, what the leaf has; and it is what was published. */
  private async readBack(label: string, total: number): Promise<string> {
    const [leaf, hub] = await Promise.all([this.atLeaf, this.atHub].map((at) => read(at, SUBJECT, total)));
    expectEqual('messages at the hub', hub!.length, total);
    expectEqual('digest at the hub', digest(hub!), digest(leaf!));
    expectEqual('messages published', textsOf(labelled(hub!, label)), published(label));
    return `${grouped(total)} in order, each once, as at the leaf (SHA-256 ${digest(hub!).slice(0, 12)}…)`;
  }

  private async stopHub(): Promise<string> {
    await this.deployment.hub.stop();
    await until('the leaf has noticed', async () => (await this.sites[0].leaf.links()) === 0);
    return 'the leaves are on their own';
  }

  private async startHub(): Promise<string> {
    await this.deployment.hub.start();
    await Promise.all(this.sites.map((site) => until(`${site.slug} is back`, async () => (await site.leaf.links()) > 0)));
    return 'the leaves are back';
  }

  private async regenerate(): Promise<string> {
    const [site] = this.sites;
    await site.regenerate();
    const { generation } = await site.provisioned();
    expectEqual('generation', generation, 2);
    expectEqual('links of the old generation', await site.leaf.links(), 1);
    this.bundles[0] = await site.download();
    return `generation ${generation}; generation 1 works on`;
  }

  private async reinstall(): Promise<string> {
    const [site] = this.sites;
    await site.leaf.install(this.bundles[0]!);
    const { leaf_server } = await site.connected(2);
    return `generation ${leaf_server.connected_generation} is connected`;
  }

  private async oldUserRevoked(): Promise<string> {
    const [site] = this.sites;
    const old = await until('the user of generation 1 is revoked', async () => {
      const { data } = await ok(this.tenant.api.get<{ data: NatsCredentialDto[] }>('/admin/nats/credentials'));
      return data.find((user) => user.edge_site_id === site.id && user.generation === 1 && user.status === 'revoked');
    });
    return `${old.name}: ${old.public_key.slice(0, 12)}…`;
  }

  private async createCollectors(): Promise<string> {
    this.collectors = [await this.tenant.createCollector('trapd', this.sites[0]), await this.tenant.createCollector('netflow')];
    return this.collectors.map(({ userName }) => userName).join(', ');
  }

  private async fetchCollectors(): Promise<string> {
    await Promise.all(this.collectors.map((collector) => collector.download()));
    const [atSite, atHub] = this.collectors.map(({ configuration }) => configuration.url);
    expectEqual('addresses', [atSite, atHub], [`tls://127.0.0.1:${this.sites[0].leaf.port}`, this.deployment.hub.clientUrl]);
    return `one dials the leaf, ${atSite}, the other the hub, ${atHub}`;
  }

  private async publishAsCollectors(): Promise<string> {
    this.publishing = await Promise.all(this.collectors.map((collector) => collector.connect()));
    this.connections.push(...this.publishing);
    for (const [index, subject] of [TRAPS, FLOWS].entries()) {
      await publish(this.publishing[index]!, { subject, label: 'collected', count: 1 });
      expectEqual(`messages on ${subject} at the hub`, textsOf(await read(this.atHub, subject, 1)), ['collected 1']);
    }
    await Promise.all(this.collectors.map((collector) => collector.seen()));
    return `acknowledged, and at the hub: ${TRAPS}, ${FLOWS}; both packages are installed`;
  }

  private async revokeCollectors(): Promise<string> {
    await Promise.all(this.collectors.map((collector) => collector.revoke()));
    await until('both are cut off', () => this.publishing.every((connection) => connection.isClosed()));
    return 'at the leaf and at the hub';
  }

  private async deleteSites(): Promise<string> {
    for (const site of this.sites) await site.delete();
    const dropped = async () => (await this.deployment.hub.leaves()).length === 0;
    await until('the hub has dropped the leaves', dropped);
    return 'certificates and users revoked, no leaf is left at the hub';
  }
}

const textsOf = (messages: readonly StoredMessage[]) => messages.map(({ text }) => text);

const published = (label: string) => Array.from({ length: BATCH }, (_, index) => `${label} ${index + 1}`);

function expectEqual(what: string, found: unknown, expected: unknown): void {
  const [is, shouldBe] = [found, expected].map((value) => JSON.stringify(value));
  if (is !== shouldBe) throw new Error(`${what}: expected ${short(shouldBe!)}, found ${short(is!)}.`);
}

const short = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
