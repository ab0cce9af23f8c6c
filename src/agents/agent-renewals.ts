import { Injectable } from '@nestjs/common';
import type { CertificateRenewal, CertificateRenewalAnswer } from '#libs/contracts';
import { ComponentCertificates } from '../onboarding/index.js';
import { type AgentPeer, assertSelf, callerOf } from './agent-peer.js';

/** How agents come by their next certificates. */
@Injectable()
export class AgentRenewals {
  constructor(private readonly certificates: ComponentCertificates) {}

  /**
   * An agent asks for a new certificate.
   * @throws DomainError `forbidden` when it says that it is another; and as `ComponentCertificates.renew`
   */
  async renew(peer: AgentPeer, asked: CertificateRenewal): Promise<CertificateRenewalAnswer> {
    assertSelf(peer, asked);
    const { certificatePem, chainPem, notAfter } = await this.certificates.renew(callerOf(peer, 'viewer'), peer, asked.csr);
    return { certificate_pem: certificatePem, ca_chain_pem: chainPem, not_after: Math.floor(notAfter.getTime() / 1000) };
  }

  /** An agent has come with its certificate: what it had before is good no more. */
  shown(peer: AgentPeer): Promise<void> {
    return this.certificates.shown(callerOf(peer, 'viewer'), peer);
  }
}
