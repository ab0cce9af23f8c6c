import { DomainError } from '#libs/kernel';
import type { AgentSelf, Role } from '#libs/contracts';
import { Caller } from '../platform/auth/index.js';

/** An agent that calls, as its certificate says. */
export interface AgentPeer {
  /** Unique in its site. */
  agentId: string;
  /** The slug of its site. */
  site: string;
  edgeSiteId: string;
  tenantId: string;
  /** The row of the inventory that it was known by. */
  certificateId: string;
  /** The package that its certificate came with; null when it came otherwise. */
  onboardingPackageId: string | null;
  /** The address that it calls from. */
  sourceAddress: string | null;
}

/** The agent as somebody who does something in its tenant. */
export function callerOf({ agentId, tenantId, certificateId, onboardingPackageId, sourceAddress }: AgentPeer, role: Role): Caller {
  const actor = onboardingPackageId === null ? `certificate:${certificateId}` : `onboarding_package:${onboardingPackageId}`;
  const principal = { actor, id: onboardingPackageId ?? certificateId, name: agentId, role, tenantId };
  return new Caller(principal, { requestId: null, sourceAddress });
}

/**
 * Who it is says the certificate. What a message says beside may be left out, and must not be something else.
 * @throws DomainError `forbidden`
 */
export function assertSelf({ agentId, site }: AgentPeer, said: AgentSelf): void {
  assertSame('agent_id', said.agent_id, agentId);
  assertSame('partition', said.partition, site);
}

function assertSame(field: string, said: string, known: string): void {
  if (said === '' || said === known) return;
  throw new DomainError('forbidden', `The certificate is that of ${field} "${known}". Leave ${field} out, or send this.`);
}
