import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { CollectorPackages, FIRST, HOSTILE_NAME, SECOND } from './collector-packages.js';
import type { Outcome } from './run-script.js';

/** Characters that mean something to a shell, sed, awk, JSON or TOML. */
const AWKWARD_PREFIX = `a b "c" 'd' & e\\f #;{$x`;

describe.each([
  { name: 'dash', shell: ['dash'], tools: undefined },
  { name: 'bash', shell: ['bash'], tools: undefined },
  { name: 'busybox, with no tool beside it', shell: ['sh'], tools: ['busybox', '--install', '-s'] },
])('update.sh in $name', ({ shell, tools }) => {
  let packages: CollectorPackages;
  let prefix: string;
  let first: string;
  let second: string;
  let env: NodeJS.ProcessEnv = {};

  const run = (folder: string, ...args: string[]): Promise<Outcome> => packages.run(folder, 'update.sh', ['--prefix', prefix, ...args], { shell, env });
  const installed = (file: string): string => readFileSync(join(prefix, 'etc/serviceradar', file), 'utf8');
  const filesBelow = (dir: string): string[] => readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();

  beforeAll(async () => {
    packages = new CollectorPackages();
    prefix = join(packages.dir, AWKWARD_PREFIX);
    if (tools) {
      const bin = join(packages.dir, 'bin');
      mkdirSync(bin);
      execFileSync(tools[0]!, [...tools.slice(1), bin]);
      env = { PATH: bin };
    }
    [first, second] = [await packages.unpacked(FIRST), await packages.unpacked(SECOND)];
  });

  afterAll(() => packages.close());

  it('installs below a prefix', async () => {
    const { status, stdout, stderr } = await run(first);
    expect(stderr).toBe('');
    expect(stdout).toContain(`Start it with ${prefix}/etc/serviceradar/flowgger.toml.`);
    expect(status).toBe(0);
    expect(filesBelow(prefix).filter((path) => statSync(join(prefix, path)).isFile())).toEqual([
      'etc/serviceradar/certs/ca-chain.pem',
      'etc/serviceradar/certs/collector-key.pem',
      'etc/serviceradar/certs/collector.pem',
      'etc/serviceradar/collector/SHA256SUMS',
      'etc/serviceradar/collector/installed',
      'etc/serviceradar/creds/nats.creds',
      'etc/serviceradar/flowgger.toml',
    ]);
    for (const path of ['certs/collector-key.pem', 'creds/nats.creds']) expect(statSync(join(prefix, 'etc/serviceradar', path)).mode & 0o777).toBe(0o600);
  });

  it('puts every path of the configuration below the prefix, whatever is in its name, and nothing else', () => {
    const { output, ...rest } = parseToml(installed('flowgger.toml')) as { output: Record<string, unknown> };
    const original = parseToml(readFileSync(join(first, 'config/flowgger.toml'), 'utf8')) as { output: Record<string, unknown> };
    const paths = ['nats_tls_ca_file', 'nats_tls_cert', 'nats_tls_key', 'nats_creds_file'];
    for (const name of paths) {
      expect(output[name]).toBe(`${prefix}${String(original.output[name])}`);
      expect(existsSync(String(output[name]))).toBe(true);
    }
    expect({ ...rest, output: { ...output, ...Object.fromEntries(paths.map((name) => [name, original.output[name]])) } }).toEqual(original);
    expect(output.gelf_extra).toMatchObject({ _collector_host: HOSTILE_NAME });
  });

  it('has nothing to change when it is run again', async () => {
    const { status, stdout } = await run(first);
    expect(stdout).toContain(`Nothing to change: package ${FIRST} is installed already.`);
    expect(status).toBe(0);
    expect(existsSync(join(prefix, 'etc/serviceradar/collector.previous'))).toBe(false);
  });

  it('finds everything good with --check', async () => {
    const { status, stdout } = await run(first, '--check');
    expect(stdout).toMatch(/^bundle +good /m);
    expect(stdout).toMatch(new RegExp(`^installed +good +package ${FIRST}$`, 'm'));
    expect(stdout).toMatch(/^certificate +good /m);
    expect(status).toBe(0);
  });

  it('finds with --check what somebody changed by hand, and puts it back', async () => {
    const original = installed('flowgger.toml');
    appendFileSync(join(prefix, 'etc/serviceradar/flowgger.toml'), '# a remark\n');
    const { status, stdout } = await run(first, '--check');
    expect(stdout).toMatch(/^installed +bad .*files were changed/m);
    expect(status).toBe(1);
    expect((await run(first)).status).toBe(0);
    expect(installed('flowgger.toml')).toBe(original);
  });

  it('replaces an older package, and keeps its files', async () => {
    const { status, stdout } = await run(second);
    expect(stdout).toContain(`Replacing package ${FIRST} by package ${SECOND}.`);
    expect(status).toBe(0);
    expect(installed('creds/nats.creds')).toBe(`credentials of ${SECOND}\n`);
    expect(installed('collector.previous/creds/nats.creds')).toBe(`credentials of ${FIRST}\n`);
    expect((await run(first, '--check')).stdout).toMatch(new RegExp(`^installed +bad +package ${SECOND} `, 'm'));
    expect((await run(second, '--check')).status).toBe(0);
  });

  it('refuses to mix with a collector of another type', async () => {
    const trapd = await packages.unpacked(FIRST, 'trapd');
    for (const action of [[], ['--uninstall']]) {
      const { status, stderr } = await run(trapd, ...action);
      expect(stderr).toContain('A flowgger collector is installed here');
      expect(status).toBe(1);
    }
    expect((await run(second, '--check')).status).toBe(0);
  });

  it('leaves the files of others alone', async () => {
    const other = join(prefix, 'etc/serviceradar/certs/agent.pem');
    writeFileSync(other, 'of the agent\n');
    expect((await run(first)).status).toBe(0);
    expect((await run(first, '--uninstall')).status).toBe(0);
    expect(filesBelow(prefix)).toEqual(['etc', 'etc/serviceradar', 'etc/serviceradar/certs', 'etc/serviceradar/certs/agent.pem']);
    rmSync(other);
  });

  it('removes all that it made with --uninstall', async () => {
    expect((await run(first)).status).toBe(0);
    const { status, stdout } = await run(first, '--uninstall');
    expect(stdout).toContain('were removed.');
    expect(status).toBe(0);
    expect(existsSync(prefix)).toBe(false);
  });

  it('takes names for nothing but text', () => {
    expect(filesBelow(packages.dir).filter((path) => path.includes('canary'))).toEqual([]);
  });
});

describe.each(['trapd', 'netflow', 'sflow', 'otel'] as const)('update.sh of a %s collector', (type) => {
  const packages = new CollectorPackages();
  afterAll(() => packages.close());

  it('installs a configuration that names files which are there', async () => {
    const prefix = join(packages.dir, 'prefix');
    expect((await packages.run(await packages.unpacked(FIRST, type), 'update.sh', ['--prefix', prefix])).status).toBe(0);
    const text = readFileSync(join(prefix, `etc/serviceradar/${type}.${type === 'otel' ? 'toml' : 'json'}`), 'utf8');
    const paths = [...text.matchAll(/"([^"]*\/etc\/serviceradar\/[^"]*)"/g)].map(([, path]) => path!);
    expect(paths.length).toBeGreaterThan(1);
    for (const path of paths) expect([path, existsSync(path), path.startsWith(prefix)]).toEqual([path, true, true]);
  });
});

describe('update.sh', () => {
  let packages: CollectorPackages;
  let prefix: string;
  let first: string;
  let second: string;
  const run = (folder: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
    packages.run(folder, 'update.sh', ['--prefix', prefix, ...args], { env });

  beforeAll(async () => {
    packages = new CollectorPackages();
    prefix = join(packages.dir, 'prefix');
    [first, second] = [await packages.unpacked(FIRST), await packages.unpacked(SECOND)];
  });
  afterAll(() => packages.close());

  it.each(['config/flowgger.toml', 'certs/collector-key.pem', 'creds/nats.creds', 'update.sh', 'SHA256SUMS'])('refuses a file that is not as it was downloaded: %s', async (path) => {
    const tampered = await packages.unpacked(FIRST);
    appendFileSync(join(tampered, path), '\n');
    const { status, stderr } = await run(tampered);
    expect(stderr).toMatch(/^update\.sh: .*Nothing was changed\. Download the bundle again/m);
    expect(status).toBe(1);
    expect(existsSync(prefix)).toBe(false);
  });

  it('refuses when a file is missing, or missing from the list', async () => {
    const incomplete = await packages.unpacked(FIRST);
    const sums = readFileSync(join(incomplete, 'SHA256SUMS'), 'utf8');
    writeFileSync(join(incomplete, 'SHA256SUMS'), sums.split('\n').filter((line) => !line.endsWith('nats.creds')).join('\n'));
    expect(await run(incomplete)).toMatchObject({ status: 1, stderr: expect.stringContaining('does not list creds/nats.creds') });
    writeFileSync(join(incomplete, 'SHA256SUMS'), sums);
    rmSync(join(incomplete, 'creds/nats.creds'));
    expect(await run(incomplete)).toMatchObject({ status: 1, stderr: expect.stringContaining('creds/nats.creds is missing') });
  });

  it.each([[['--frobnicate']], [['extra']], [['--prefix']], [['--timeout', 'soon']], [['--check', '--uninstall']], [['--prefix', 'a\nb']]])('says how to use it: %j', async (args) => {
    const { status, stderr } = await packages.run(first, 'update.sh', args);
    expect(status).toBe(2);
    expect(stderr).toContain('--prefix DIR');
  });

  it('says with --help what it can do', async () => {
    const { status, stdout } = await packages.run(first, 'update.sh', ['--help']);
    for (const word of ['--prefix DIR', '--check', '--uninstall', '--timeout SECONDS', 'Exit status:']) expect(stdout).toContain(word);
    expect(status).toBe(0);
  });

  it('says with --check that nothing is installed', async () => {
    mkdirSync(prefix, { recursive: true });
    const { status, stdout } = await run(first, ['--check']);
    expect(stdout).toMatch(/^installed +bad +nothing in /m);
    expect(status).toBe(1);
  });

  describe('that replaces a package', () => {
    /** A directory with an `mv` that does what it is told at its n-th call, and moves at all others. */
    const programs = (n: number, act: string): string => {
      const bin = join(packages.dir, 'programs');
      rmSync(bin, { recursive: true, force: true });
      mkdirSync(bin);
      const real = execFileSync('sh', ['-c', 'command -v mv'], { encoding: 'utf8' }).trim();
      writeFileSync(join(bin, 'mv'), `#!/bin/sh\necho >>"$0.calls"\nif [ "$(wc -l <"$0.calls")" -eq ${n} ]; then ${act}; fi\nexec ${real} "$@"\n`, { mode: 0o755 });
      return bin;
    };
    const path = (bin: string) => ({ PATH: `${bin}:${process.env.PATH}` });

    // One to keep the previous files, and one for each of the seven.
    const MOVES = [1, 2, 3, 4, 5, 6, 7, 8];

    it('moves as often as is tried below', async () => {
      expect((await run(first)).status).toBe(0);
      const bin = programs(0, ':');
      expect((await run(second, [], path(bin))).status).toBe(0);
      expect(readFileSync(join(bin, 'mv.calls'), 'utf8').length).toBe(MOVES.length);
    });

    it.each(MOVES)('leaves all as it was when it fails at move %i', async (n) => {
      expect((await run(first)).status).toBe(0);
      const { status, stderr } = await run(second, [], path(programs(n, 'echo "no space left" >&2; exit 1')));
      expect(stderr).toContain('no space left');
      expect(status).toBe(1);
      expect(await run(first, ['--check'])).toMatchObject({ status: 0, stdout: expect.stringContaining(FIRST) });
      expect(existsSync(join(prefix, 'etc/serviceradar/collector.new'))).toBe(false);
    });

    it.each(MOVES)('is found out, and undone by the next run, when it is killed at move %i', async (n) => {
      expect((await run(first)).status).toBe(0);
      expect((await run(second, [], path(programs(n, 'kill -KILL $PPID; exit 1')))).status).toBeNull();
      const { status, stdout } = await run(first, ['--check']);
      // Killed before anything was changed, there is nothing to say.
      if (n > 1) expect(stdout).toMatch(/^complete +bad /m);
      expect(status).toBe(n > 1 ? 1 : 0);
      const again = await run(first);
      expect(again.status).toBe(0);
      expect(again.stdout).toContain(`Nothing to change: package ${FIRST} is installed already.`);
      expect((await run(first, ['--check'])).status).toBe(0);
      expect((await run(second)).status).toBe(0);
      expect((await run(second, ['--check'])).status).toBe(0);
    });
  });
});
