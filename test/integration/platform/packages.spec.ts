import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

interface Locked {
  version: string;
  resolved?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  link?: boolean;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
/** What others have made: not this package, and not its workspaces, which are links. */
const locked = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link);

describe('the lock file', () => {
  it('holds packages', () => expect(locked.length).toBeGreaterThan(100));

  it('pins what each package is by its hash', () => {
    expect(locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
  });

  it('does not say where packages come from, as that is the machine’s affair', () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });
});

describe('the bill of materials', () => {
  it('names each package that the service runs with, in its version', () => {
    const bill = JSON.parse(execFileSync('npm', ['run', '--silent', 'sbom'], { encoding: 'utf8', maxBuffer: 1 << 26 })) as {
      bomFormat: string;
      components: { purl: string }[];
    };
    expect(bill.bomFormat).toBe('CycloneDX');
    const named = new Set(bill.components.map(({ purl }) => decodeURIComponent(purl)));
    const needed = locked.filter(([, { dev, optional }]) => !dev && !optional);
    const missing = needed.map(([path, { version }]) => `pkg:npm/${path.replace(/^.*node_modules\//, '')}@${version}`).filter((purl) => !named.has(purl));
    expect(missing).toEqual([]);
  });
});
