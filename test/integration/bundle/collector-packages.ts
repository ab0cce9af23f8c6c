import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { collectorEntries, collectorFolder, packBundle } from '#libs/bundle';
import { renderCollectorConfiguration } from '#libs/collectors';
import type { CollectorType } from '#libs/contracts';
import { Secret } from '#libs/kernel';
import { type Certificates, makeCertificates } from '../nats/certificates.js';
import { type Outcome, runScript } from './run-script.js';

/** Each part would leave a file called `canary`, or change a file's meaning, if it were taken for anything but text. */
export const HOSTILE_NAME = `$(touch canary) \`touch canary\` '; touch canary; ' "a" %n <img src=x onerror=alert(1)> \${HOME} 😀 \\`;

export const FIRST = '01890a5d-ac96-774b-bcce-b302099a8057';
export const SECOND = '01890a5e-ac96-774b-bcce-b302099a8057';

interface RunOptions {
  shell?: readonly string[];
  env?: NodeJS.ProcessEnv;
}

/** Packages of collectors, as the control plane makes them, unpacked as a person would. */
export class CollectorPackages {
  readonly dir = mkdtempSync(join(tmpdir(), 'serviceradar-collector-'));
  private readonly certificates: Certificates = makeCertificates(join(this.dir, 'certs'));
  private made = 0;

  /**
   * @param natsUrl what its configuration says, and the script shows
   * @returns the unpacked folder
   */
  async unpacked(packageId: string, type: CollectorType = 'flowgger', natsUrl = 'tls://localhost:4222'): Promise<string> {
    const { collector, chain } = this.certificates;
    const read = (path: string) => readFileSync(path, 'utf8');
    const entries = collectorEntries({
      packageId,
      type,
      siteName: HOSTILE_NAME,
      natsUrl,
      configuration: renderCollectorConfiguration({ type, natsUrl, jetstreamDomain: 'edge', tenantSlug: 'acme', siteSlug: 'new-york', hostname: HOSTILE_NAME, overrides: {} }),
      certificates: { certPem: read(collector.cert), caChainPem: read(chain) },
      secrets: { keyPem: new Secret(read(collector.key)), creds: new Secret(`credentials of ${packageId}\n`) },
    });
    const dir = join(this.dir, `download ${++this.made}`);
    mkdirSync(dir);
    const archive = await buffer(packBundle(collectorFolder(packageId), entries, { mtime: new Date('2026-01-01T00:00:00Z') }));
    execFileSync('tar', ['-xzpf', '-', '-C', dir], { input: archive });
    return join(dir, collectorFolder(packageId));
  }

  /** Runs the script of a package, from a directory of its own. */
  run(folder: string, script: 'update.sh' | 'deploy.sh', args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const cwd = join(this.dir, 'elsewhere');
    mkdirSync(cwd, { recursive: true });
    return runScript(join(folder, script), args, { cwd, ...options });
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
