import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import type { Secret } from '#libs/kernel';
import type { NatsLeafServer } from '#libs/model';
import { openLeafSecrets } from '../../../src/edge-sites/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { NatsServer, type NatsVersion } from '../nats/nats-server.js';

/** A leaf that runs what was provisioned, from a directory instead of /etc and /var. */
export class TestLeaf {
  #server: NatsServer | undefined;

  constructor(
    private readonly directory: string,
    private readonly leaf: NatsLeafServer,
    process: INestApplicationContext,
    private readonly version: NatsVersion,
  ) {
    const { leafKeyPem, serverKeyPem, creds } = openLeafSecrets(process.get(KeyRing, { strict: false }), leaf);
    const files: Record<string, string> = {
      'etc/certs/nats-server.pem': leaf.serverCertPem!,
      'etc/certs/nats-server-key.pem': serverKeyPem.reveal(),
      'etc/certs/nats-leaf.pem': leaf.leafCertPem!,
      'etc/certs/nats-leaf-key.pem': leafKeyPem.reveal(),
      'etc/certs/ca-chain.pem': leaf.caChainPem!,
      'etc/certs/tenant-ca.pem': leaf.tenantCaPem!,
      'etc/creds/tenant.creds': creds.reveal(),
    };
    for (const folder of ['etc/certs', 'etc/creds', 'lib', 'run']) mkdirSync(join(directory, folder), { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text, { mode: 0o600 });
  }

  async start(): Promise<void> {
    const { bundleFiles, monitorPort } = this.leaf;
    const configuration = (bundleFiles as Record<string, string>)['nats/nats-leaf.conf']!
      .replaceAll('/etc/nats/', `${this.directory}/etc/`)
      .replaceAll('/var/lib/nats/', `${this.directory}/lib/`)
      .replaceAll('/run/nats/', `${this.directory}/run/`);
    this.#server = await NatsServer.start(this.version, this.directory, 'leaf', configuration, monitorPort);
  }

  async stop(): Promise<void> {
    await this.#server?.stop('SIGKILL');
  }

  /** How many links to the hub it has. */
  async links(): Promise<number> {
    const { leafnodes } = await this.#server!.monitor<{ leafnodes: number }>('/leafz');
    return leafnodes;
  }

  /** Connects as a collector at the site does. */
  connect(creds: Secret): Promise<NatsConnection> {
    const pem = (file: string) => readFileSync(join(this.directory, 'etc/certs', file), 'utf8');
    return connect({
      servers: `tls://${this.leaf.localListen}`,
      tls: { ca: pem('ca-chain.pem'), cert: pem('nats-leaf.pem'), key: pem('nats-leaf-key.pem') },
      authenticator: credsAuthenticator(Buffer.from(creds.reveal())),
      timeout: 5_000,
      reconnect: false,
    });
  }
}
