import { Inject, Injectable } from '@nestjs/common';
import type { AgentHello, AgentHelloAnswer } from '#libs/contracts';
import { type Clock, DomainError } from '#libs/kernel';
import { AgentConfigSource, type AgentPeer, AgentRenewals, assertSelf, callerOf } from '../agents/index.js';
import { OnboardingPackagesService } from '../onboarding/index.js';
import { PeerVerifier } from '../pki/index.js';
import { CLOCK } from '../platform/clock.js';

/** How often an agent is to report, in seconds. */
const HEARTBEAT_INTERVAL = 30;

/** What is kept of a text that an agent sends about itself, in characters. */
const TEXT_MAX = 200;

/** Where an agent calls from, and what it shows. */
export interface AgentConnection {
  /** The certificate of the agent, in DER. */
  certificate: Uint8Array;
  /** The address that it calls from. */
  sourceAddress: string | null;
}

/** What the gateway answers agents. */
@Injectable()
export class AgentsService {
  constructor(
    private readonly verifier: PeerVerifier,
    private readonly packages: OnboardingPackagesService,
    private readonly renewals: AgentRenewals,
    private readonly config: AgentConfigSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * An agent says that it is there: its onboarding package is activated.
   * @param gatewayId tells which gateway answers
   * @throws DomainError `unauthenticated`; `forbidden` when it says that it is another; `illegal_transition` when its package was never delivered
   */
  async hello(connection: AgentConnection, hello: AgentHello, gatewayId: string): Promise<AgentHelloAnswer> {
    const peer = await this.peer(connection);
    assertSelf(peer, hello);
    const { onboardingPackageId } = peer;
    if (onboardingPackageId !== null) await this.packages.activate(callerOf(peer, 'viewer'), onboardingPackageId, selfDescription(hello));
    await this.renewals.shown(peer);
    return {
      accepted: true,
      agent_id: peer.agentId,
      message: '',
      gateway_id: gatewayId,
      server_time: Math.floor(this.clock.now().getTime() / 1000),
      heartbeat_interval_sec: HEARTBEAT_INTERVAL,
      config_outdated: await this.config.isOutdated(peer, hello.config_version),
    };
  }

  /**
   * Who calls.
   * @throws DomainError `unauthenticated`, `malformed_request`
   */
  async peer({ certificate, sourceAddress }: AgentConnection): Promise<AgentPeer> {
    const { identity, tenantId, row } = await this.verifier.identify(certificate, { kind: 'agent', purpose: 'clientAuth' });
    if (row.edgeSiteId == null) throw new DomainError('unauthenticated', 'This certificate is good no more: its site is gone.');
    const { agentId, site } = identity;
    return { agentId, site, edgeSiteId: row.edgeSiteId, tenantId, certificateId: row.id, onboardingPackageId: row.onboardingPackageId ?? null, sourceAddress };
  }
}

function selfDescription({ version, hostname, os, arch }: AgentHello): Record<string, string> {
  return Object.fromEntries(Object.entries({ version, hostname, os, arch }).map(([name, text]) => [name, text.slice(0, TEXT_MAX)]));
}
