import { Inject, Injectable } from '@nestjs/common';
import type { AgentHello, AgentHelloAnswer } from '#libs/contracts';
import { Batches, type Clock, newId, type Outcome, type Random } from '#libs/kernel';
import { Agent } from '#libs/model';
import { OnboardingPackagesService } from '../onboarding/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Config } from '../platform/config/index.js';
import { Database, isDatabaseAway } from '../platform/database/index.js';
import { AgentConfigSource } from './agent-config-source.js';
import { type AgentPeer, assertSelf, callerOf } from './agent-peer.js';
import { AgentRenewals } from './agent-renewals.js';
import { plainText } from './plain-text.js';

/** What is kept of a text that an agent sends about itself, in characters, and of how many in a list. */
const TEXT_MAX = 200;
const ENTRIES_MAX = 64;

/** Agents that are written down together. */
const TOGETHER = 500;

/** The agents that have come. */
@Injectable()
export class AgentsService {
  /** Written together for all who come at once, as after a restart. */
  readonly #hellos = new Batches<Recorded, void>(TOGETHER, (tenantId, hellos) => this.record(tenantId, hellos), isDatabaseAway);

  constructor(
    private readonly database: Database,
    private readonly packages: OnboardingPackagesService,
    private readonly renewals: AgentRenewals,
    private readonly configSource: AgentConfigSource,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * An agent says that it is there: it is put on record, and its onboarding package, if it has one, is activated. What it had before the
   * certificate that it shows is good no more.
   * @param gatewayId tells which gateway answers
   * @throws DomainError `forbidden` when it says that it is another; `illegal_transition` when its package was never delivered
   */
  async hello(peer: AgentPeer, hello: AgentHello, gatewayId: string): Promise<AgentHelloAnswer> {
    assertSelf(peer, hello);
    const described = describe(hello);
    if (peer.onboardingPackageId !== null) {
      const { version, hostname, os, arch } = described;
      await this.packages.activate(callerOf(peer, 'viewer'), peer.onboardingPackageId, { version, hostname, os, arch });
    }
    await this.renewals.shown(peer);
    const { tenantId, edgeSiteId, agentId } = peer;
    await this.#hellos.add(tenantId, { edgeSiteId, agentId, ...described, gatewayId });
    return {
      accepted: true,
      agent_id: peer.agentId,
      message: '',
      gateway_id: gatewayId,
      server_time: Math.floor(this.clock.now().getTime() / 1000),
      heartbeat_interval_sec: this.config.agentHeartbeat,
      config_outdated: await this.configSource.isOutdated(peer, hello.config_version),
    };
  }

  /** Of one that has said hello twice by then, the last word. In one order, or two processes wait for each other. */
  private async record(tenantId: string, hellos: readonly Recorded[]): Promise<Outcome<void>[]> {
    const now = this.clock.now();
    const last = new Map(hellos.map((hello) => [`${hello.edgeSiteId} ${hello.agentId}`, hello]));
    const rows = [...last].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, hello]) => ({ id: newId(this.clock, this.random), tenantId, ...hello, firstSeenAt: now, lastSeenAt: now }));
    await this.database.em({ tenantId }).upsertMany(Agent, rows, { onConflictFields: ['edgeSiteId', 'agentId'], onConflictExcludeFields: ['id', 'firstSeenAt'] });
    return hellos.map(() => ({ result: undefined }));
  }
}

type Recorded = Description & Pick<Agent, 'edgeSiteId' | 'agentId' | 'gatewayId'>;

type Description = Pick<Agent, 'version' | 'hostname' | 'os' | 'arch' | 'configVersion' | 'capabilities' | 'labels'>;

function describe(hello: AgentHello): Description {
  const text = (one: string) => plainText(one, TEXT_MAX);
  const labels = Object.entries(hello.labels).slice(0, ENTRIES_MAX);
  return {
    version: text(hello.version),
    hostname: text(hello.hostname),
    os: text(hello.os),
    arch: text(hello.arch),
    configVersion: text(hello.config_version),
    capabilities: hello.capabilities.slice(0, ENTRIES_MAX).map(text),
    labels: Object.fromEntries(labels.map(([name, value]) => [text(name), text(value)])),
  };
}
