import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.js';

/** A leaf that was installed from a bundle with `setup.sh --prefix`, on this machine. */
export class Leaf {
  constructor(
    /** The unpacked bundle, `edge-site-<slug>/`. */
    readonly bundle: string,
    readonly prefix: string,
    private readonly natsServer: string,
  ) {}

  get certificates(): string {
    return join(this.prefix, 'etc/nats/certs');
  }

  get log(): string {
    return readFileSync(join(this.prefix, 'var/log/nats-leaf.log'), 'utf8');
  }

  get pid(): number {
    return Number(readFileSync(join(this.prefix, 'run/nats/nats-leaf.pid'), 'utf8'));
  }

  /** Runs the bundle's setup.sh. @returns its exit code and what it printed */
  setup(...options: string[]): Promise<{ code: number | null; output: string }> {
    const script = join(this.bundle, 'setup.sh');
    return run('sh', [script, '--prefix', this.prefix, '--nats-server', this.natsServer, ...options]);
  }

  /** Ends the leaf's server, if it runs. */
  async stop(): Promise<void> {
    await this.setup('--stop');
  }
}
