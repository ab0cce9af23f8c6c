import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Secret } from '#libs/kernel';
import { type HostPort, renderHubConfiguration } from '#libs/nats';
import { AuthorityService, CertificateService, type ServiceCertificate } from '../pki/index.js';
import { OperatorService } from './operator.service.js';
import { isLoopback } from './platform-hosts.js';

export interface HubSettings {
  serverName: string;
  /** Where clients connect. Off the loopback address they need certificates. */
  listen: HostPort;
  leafListen: HostPort;
  /** What leaves are told to dial. */
  leafAdvertise: HostPort;
  monitor: HostPort;
  /** DNS names and IP addresses that the hub is reached by: they stand in its certificate. */
  hosts: readonly string[];
  /** Where the hub keeps accounts and messages; `<directory>/data` when absent. */
  dataDirectory?: string;
  /** Whether the server is 2.12 or newer. Older ones refuse to start with what only those know. */
  isolatesLeafnodeInterest: boolean;
}

/** Writes what a hub needs to run: configuration, certificate, key, CA. */
@Injectable()
export class HubFiles {
  constructor(
    private readonly operator: OperatorService,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
  ) {}

  /**
   * The certificate that is there is kept while it is good for these names.
   * @returns the path of the configuration
   */
  async write(directory: string, settings: HubSettings): Promise<string> {
    const at = (file: string) => resolve(directory, file);
    const data = settings.dataDirectory ?? at('data');
    mkdirSync(directory, { recursive: true, mode: 0o700 });

    const files = { cert: at('nats-hub.pem'), key: at('nats-hub-key.pem'), ca: at('root-ca.pem') };
    const certificate = await this.certificates.issueService(
      { service: 'nats-hub', hosts: settings.hosts },
      existingCertificate(files.cert, files.key),
    );
    writeFileSync(files.cert, certificate.certificatePem + certificate.chainPem);
    writeFileSync(files.key, certificate.privateKeyPem.reveal(), { mode: 0o600 });
    writeFileSync(files.ca, await this.authorities.rootPem());

    const { jwt: operatorJwt, systemAccount } = await this.operator.current();
    const configuration = renderHubConfiguration({
      serverName: settings.serverName,
      listen: settings.listen,
      clientTls: isLoopback(settings.listen.host) ? undefined : files,
      leafListen: settings.leafListen,
      leafAdvertise: settings.leafAdvertise,
      leafTls: files,
      monitor: settings.monitor,
      operatorJwt,
      systemAccount,
      resolverDir: join(data, 'accounts'),
      jetstream: { storeDir: join(data, 'jetstream') },
      isolateLeafnodeInterest: settings.isolatesLeafnodeInterest,
      pidFile: join(data, 'nats-hub.pid'),
    });
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const path = at('nats-hub.conf');
    writeFileSync(path, configuration, { mode: 0o600 });
    return path;
  }
}

/** The first certificate of the file is the hub's; its CA's follows. */
function existingCertificate(certificateFile: string, keyFile: string): ServiceCertificate | undefined {
  if (!existsSync(certificateFile) || !existsSync(keyFile)) return undefined;
  const [certificatePem] = readFileSync(certificateFile, 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/);
  return { certificatePem: certificatePem!, privateKeyPem: new Secret(readFileSync(keyFile, 'utf8')) };
}
