import { experimental, type ServerCredentials } from '@grpc/grpc-js';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { parseCertificate } from '#libs/pki';
import { AuthorityService, CertificateService, type ServiceCertificate } from '../pki/index.js';
import { CLOCK } from '../platform/clock.js';
import { Config } from '../platform/config/index.js';
import { GATEWAY_NAME } from '../platform/gateway-address.js';
import { Sweep } from '../platform/sweep.js';

/** How often it is looked whether the certificate is to be replaced, in milliseconds. */
const INTERVAL = 60_000;

/** Of its life, after which a certificate is replaced. */
const USED_UP = 0.6;

type Provider = Parameters<typeof experimental.createCertificateProviderServerCredentials>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];
type CaListener = Parameters<Provider['addCaCertificateListener']>[0];

/** What the gateway shows agents, and what it takes them by: its key is in memory only. Who dials after a change sees the new one; who is connected stays. */
@Injectable()
export class GatewayCertificate implements Provider, OnModuleDestroy {
  private readonly sweep = new Sweep(INTERVAL, () => this.renew(), new Logger(GatewayCertificate.name));
  readonly #identityListeners = new Set<IdentityListener>();
  readonly #caListeners = new Set<CaListener>();
  #current: (ServiceCertificate & { chainPem: string; rootPem: string }) | undefined;

  constructor(
    private readonly config: Config,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Agents of all tenants may come as far as TLS is concerned: who they are is asked of each call. */
  async credentials(): Promise<ServerCredentials> {
    await this.renew();
    this.sweep.start();
    return experimental.createCertificateProviderServerCredentials(this, this, true);
  }

  async onModuleDestroy(): Promise<void> {
    await this.sweep.stop();
  }

  /** Replaces the certificate when it is time, or when another CA signs or its hosts or the root are others. */
  async renew(): Promise<void> {
    const before = this.#current;
    const { gatewayAddress } = this.config;
    const hosts = [GATEWAY_NAME, ...(gatewayAddress === undefined ? [] : [hostOf(gatewayAddress)])];
    const kept = before !== undefined && !isUsedUp(before.certificatePem, this.clock.now()) ? before : undefined;
    const current = await this.certificates.issueService({ service: 'agent-gateway', hosts }, kept);
    this.#current = current;
    if (before?.certificatePem === current.certificatePem && before.chainPem === current.chainPem && before.rootPem === current.rootPem) return;
    this.#caListeners.forEach((listener) => this.tellCa(listener));
    this.#identityListeners.forEach((listener) => this.tellIdentity(listener));
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    // Who adds one hears of it only after that.
    queueMicrotask(() => this.tellIdentity(listener));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener);
    queueMicrotask(() => this.tellCa(listener));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener);
  }

  private tellIdentity(listener: IdentityListener): void {
    if (this.#current === undefined) return;
    const { certificatePem, chainPem, privateKeyPem } = this.#current;
    listener({ certificate: Buffer.from(certificatePem + chainPem), privateKey: Buffer.from(privateKeyPem.reveal()) });
  }

  private tellCa(listener: CaListener): void {
    if (this.#current !== undefined) listener({ caCertificate: Buffer.from(this.#current.rootPem) });
  }
}

/** Whether a certificate is to be replaced: well before two thirds of its life are over. */
export function isUsedUp(certificatePem: string, now: Date): boolean {
  const { notBefore, notAfter } = parseCertificate(certificatePem);
  return now.getTime() > notBefore.getTime() + USED_UP * (notAfter.getTime() - notBefore.getTime());
}

const hostOf = (address: string): string => new URL(`tcp://${address}`).hostname.replace(/^\[(.*)\]$/, '$1');
