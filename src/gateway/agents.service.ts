import { Inject, Injectable } from '@nestjs/common';
import type { AgentHello, AgentHelloAnswer } from '#libs/contracts';
import { type Clock, DomainError } from '#libs/kernel';
import { OnboardingPackagesService } from '../onboarding/index.js';
import { PeerVerifier } from '../pki/index.js';
import { Caller } from '../platform/auth/index.js';
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
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * An agent says that it is there: its onboarding package is activated.
   * @param gatewayId tells which gateway answers
   * @throws DomainError `unauthenticated`; `forbidden` when it says that it is another; `illegal_transition` when its package was never delivered
   */
  async hello(connection: AgentConnection, hello: AgentHello, gatewayId: string): Promise<AgentHelloAnswer> {
    const { identity, tenantId, row } = await this.verifier.identify(connection.certificate, { kind: 'agent', purpose: 'clientAuth' });
    assertSame('agent_id', hello.agent_id, identity.agentId);
    assertSame('partition', hello.partition, identity.site);
    const id = row.onboardingPackageId ?? null;
    if (id !== null) {
      const agent = { actor: `onboarding_package:${id}`, id, name: identity.agentId, role: 'viewer' as const, tenantId };
      const caller = new Caller(agent, { requestId: null, sourceAddress: connection.sourceAddress });
      await this.packages.activate(caller, id, selfDescription(hello));
    }
    return {
      accepted: true,
      agent_id: identity.agentId,
      message: '',
      gateway_id: gatewayId,
      server_time: Math.floor(this.clock.now().getTime() / 1000),
      heartbeat_interval_sec: HEARTBEAT_INTERVAL,
      config_outdated: false,
    };
  }
}

function selfDescription({ version, hostname, os, arch }: AgentHello): Record<string, string> {
  return Object.fromEntries(Object.entries({ version, hostname, os, arch }).map(([name, text]) => [name, text.slice(0, TEXT_MAX)]));
}

/** Who it is says the certificate. What the message says beside may be left out, and must not be something else. */
function assertSame(field: string, said: string, known: string): void {
  if (said === '' || said === known) return;
  throw new DomainError('forbidden', `The certificate is that of ${field} "${known}". Leave ${field} out, or send this.`);
}
