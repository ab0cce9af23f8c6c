import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Secret } from '#libs/kernel';
import type { NatsLeafServer } from '#libs/model';
import { openLeafBundle } from '../../../src/edge-sites/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { credsAuthenticator } from '../../support/creds-authenticator.js';
import { unpack } from '../../support/unpack.js';
import { NatsServer, type NatsVersion } from '../nats/nats-server.js';

/** A leaf that runs what was provisioned, from a directory instead of /etc and /var. */
export class TestLeaf {
  #server: NatsServer | undefined;

  private constructor(
    private readonly directory: string,
    private readonly leaf: NatsLeafServer,
    private readonly configuration: string,
    private readonly version: NatsVersion,
  ) {}

  /** Unpacks the leaf's bundle. */
  static async install(directory: string, leaf: NatsLeafServer, process: INestApplicationContext, version: NatsVersion): Promise<TestLeaf> {
    const archive = openLeafBundle(process.get(KeyRing, { strict: false }), leaf, leaf.bundleCiphertext as Buffer);
    const files = new Map([...(await unpack(Buffer.concat([...archive])))].map(([path, { text }]) => [path.replace(/^[^/]+\//, ''), text]));
    for (const folder of ['etc/certs', 'etc/creds', 'lib', 'run']) mkdirSync(join(directory, folder), { recursive: true });
    for (const [path, text] of files) {
      if (/^(?:nats\/certs|creds)\//.test(path)) writeFileSync(join(directory, path.replace(/^(?:nats\/)?/, 'etc/')), text, { mode: 0o600 });
    }
    return new TestLeaf(directory, leaf, files.get('nats/nats-leaf.conf')!, version);
  }

  async start(): Promise<void> {
    const configuration = this.configuration
      .replaceAll('/etc/nats/', `${this.directory}/etc/`)
      .replaceAll('/var/lib/nats/', `${this.directory}/lib/`)
      .replaceAll('/run/nats/', `${this.directory}/run/`);
    this.#server = await NatsServer.start(this.version, this.directory, 'leaf', configuration, this.leaf.monitorPort);
  }

  /** The account JWTs that it has now. */
  accounts(): string[] {
    const directory = join(this.directory, 'lib/accounts');
    return readdirSync(directory).map((file) => readFileSync(join(directory, file), 'utf8'));
  }

  /** Removes them, as a disk that is replaced. */
  forgetAccounts(): void {
    rmSync(join(this.directory, 'lib/accounts'), { recursive: true });
  }

  /** Removes its messages, as a disk that is replaced. */
  forgetMessages(): void {
    rmSync(join(this.directory, 'lib/jetstream'), { recursive: true });
  }

  async stop(): Promise<void> {
    await this.#server?.stop('SIGKILL');
  }

  /** How many links to the hub it has. */
  async links(): Promise<{ messages: number; control: number }> {
    const [messages, control] = [...this.configuration.matchAll(/^ *account: "(.+)"$/gm)].map(([, account]) => account);
    const { leafs } = await this.#server!.monitor<{ leafs?: { account: string }[] }>('/leafz');
    const count = (account: string | undefined) => (leafs ?? []).filter((link) => link.account === account).length;
    return { messages: count(messages), control: count(control) };
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
