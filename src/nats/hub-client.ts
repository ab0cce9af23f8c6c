import { checkServerIdentity, type ConnectionOptions as PeerOptions } from 'node:tls';
import { type Authenticator, type ConnectionOptions, connect, type NatsConnection, type TlsOptions } from '@nats-io/transport-node';
import { Inject, Injectable } from '@nestjs/common';
import type { Clock, Random } from '#libs/kernel';
import { CONTROL_INBOX_PREFIX, createKeyPair, type KeyPair, type Permissions, signUser } from '#libs/nats';
import { AuthorityService, CertificateService, type IssuedServiceCertificate } from '../pki/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { HubAddress } from './hub-address.js';
import { hostOf } from './platform-hosts.js';

/** How long a JWT of the control plane's own users is good for, in milliseconds: longer than its clock may be behind the hub's. Each connect makes a new one. */
const LIFETIME = 3 * 60 * 60 * 1000;

const RECONNECT_WAIT = 200;

/** As whom to connect. */
export interface HubUser {
  name: string;
  account: string;
  /** A key of the account. */
  signer: KeyPair;
  permissions: Permissions;
}

/** Opens connections to the hub, as users that are made for the moment and stand nowhere. */
@Injectable()
export class HubClient {
  #certificate: Promise<IssuedServiceCertificate | undefined> = Promise.resolve(undefined);

  constructor(
    private readonly address: HubAddress,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** Connects, and again whenever the connection is lost. Resolves when the hub is there for the first time. */
  async connect(user: HubUser, options: Partial<ConnectionOptions> = {}): Promise<NatsConnection> {
    const servers = this.address.clientUrl;
    const keyPair = createKeyPair('user', this.random);
    const jwt = () =>
      signUser(
        {
          name: user.name,
          publicKey: keyPair.publicKey,
          account: user.account,
          permissions: user.permissions,
          allowedConnectionTypes: ['STANDARD'],
          expiresAt: new Date(this.clock.now().getTime() + LIFETIME),
        },
        user.signer,
        this.clock,
      );
    return connect({
      servers,
      name: user.name,
      inboxPrefix: CONTROL_INBOX_PREFIX,
      authenticator: authenticator(jwt, keyPair),
      // The hub's other servers are behind the same address.
      ignoreClusterUpdates: true,
      ignoreAuthErrorAbort: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT,
      pingInterval: 10_000,
      ...(await this.tls(servers)),
      ...options,
    });
  }

  /** The hub wants certificates of those who come over the network. */
  private async tls(servers: string): Promise<Partial<ConnectionOptions>> {
    if (!servers.startsWith('tls:')) return {};
    const own = await this.certificate();
    const tls: TlsOptions & Pick<PeerOptions, 'checkServerIdentity'> = {
      ca: await this.authorities.rootPem(),
      cert: own.certificatePem + own.chainPem,
      key: own.privateKeyPem.reveal(),
      // Of an IP address the client forgets what it dialled, and would look for "localhost" in the certificate.
      checkServerIdentity: (_name, certificate) => checkServerIdentity(hostOf(servers), certificate),
    };
    return { tls };
  }

  /** One for all connections of the process, kept while it is good. Whoever asks meanwhile waits. */
  private certificate(): Promise<IssuedServiceCertificate> {
    const service = { service: 'control-plane', hosts: ['control-plane.serviceradar'] } as const;
    const issued = this.#certificate.catch(() => undefined).then((current) => this.certificates.issueService(service, current));
    this.#certificate = issued;
    return issued;
  }
}

/**
 * Who we are, for each connect. The client's own authenticator signs in JavaScript, with three slow steps a connect: when the hub comes back,
 * all connections of a process are made at once, and the last of them would be late for the hub (2 s).
 */
const authenticator =
  (jwt: () => string, keyPair: KeyPair): Authenticator =>
  (nonce = '') => ({ jwt: jwt(), nkey: keyPair.publicKey, sig: keyPair.sign(Buffer.from(nonce)).toString('base64url') });
