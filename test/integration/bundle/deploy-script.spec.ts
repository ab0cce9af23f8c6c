import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CollectorPackages, FIRST, SECOND } from './collector-packages.js';
import type { Outcome } from './run-script.js';

const PROGRAMS = join(process.cwd(), 'test/integration/bundle/cluster');

describe.each([
  { name: 'dash', shell: ['dash'], tools: undefined },
  { name: 'bash', shell: ['bash'], tools: undefined },
  { name: 'busybox, with no tool but kubectl and helm beside it', shell: ['sh'], tools: ['busybox', '--install', '-s'] },
])('deploy.sh in $name', ({ shell, tools }) => {
  let packages: CollectorPackages;
  let cluster: string;
  let path: string;
  let first: string;
  let second: string;

  const run = (folder: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
    packages.run(folder, 'deploy.sh', args, { shell, env: { PATH: path, CLUSTER: cluster, ...env } });
  const calls = (): string[] => {
    const file = join(cluster, 'calls');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    rmSync(file);
    return lines;
  };
  const read = (file: string): string => readFileSync(join(cluster, file), 'utf8');
  const secretOf = (folder: string): string =>
    ['certs/ca-chain.pem', 'certs/collector-key.pem', 'certs/collector.pem', 'creds/nats.creds'].reduce(
      (text, file) => `${text}file ${file.split('/')[1]}\n${readFileSync(join(folder, file), 'utf8')}`,
      'secret serviceradar-falcosidekick\n',
    );

  beforeAll(async () => {
    packages = new CollectorPackages();
    cluster = join(packages.dir, 'cluster');
    mkdirSync(cluster);
    path = `${PROGRAMS}:${process.env.PATH}`;
    if (tools) {
      const bin = join(packages.dir, 'bin');
      mkdirSync(bin);
      execFileSync(tools[0]!, [...tools.slice(1), bin]);
      path = `${PROGRAMS}:${bin}`;
    }
    [first, second] = [await packages.unpacked(FIRST, 'falcosidekick'), await packages.unpacked(SECOND, 'falcosidekick')];
  });

  afterAll(() => packages.close());

  it('says with --help what it can do, and asks nothing of the cluster', async () => {
    const { status, stdout } = await run(first, ['--help']);
    for (const word of ['--namespace NAME', '--release NAME', '--context NAME', '--chart CHART', '--dry-run', '--uninstall', 'Exit status:']) expect(stdout).toContain(word);
    expect(status).toBe(0);
    expect(calls()).toEqual([]);
  });

  it.each([[['--frobnicate']], [['--namespace']], [['--namespace', 'a;b']], [['--release', '-x']], [['--release', '$(touch canary)']], [['--timeout', 'soon']]])('says how to use it: %j', async (args) => {
    const { status, stderr } = await run(first, args);
    expect(stderr).toContain('--namespace NAME');
    expect(status).toBe(2);
    expect(calls()).toEqual([]);
  });

  it.each(['falcosidekick.yaml', 'certs/collector-key.pem', 'creds/nats.creds', 'deploy.sh', 'SHA256SUMS'])('refuses a file that is not as it was downloaded: %s', async (file) => {
    const tampered = await packages.unpacked(FIRST, 'falcosidekick');
    appendFileSync(join(tampered, file), '\n');
    const { status, stderr } = await run(tampered);
    expect(stderr).toMatch(/^deploy\.sh: .*Nothing was changed\. Download the bundle again/m);
    expect(status).toBe(1);
    expect(calls()).toEqual([]);
  });

  it.each(['kubectl', 'helm'])('says that %s is needed', async (missing) => {
    const bin = join(packages.dir, `without ${missing}`);
    mkdirSync(bin);
    for (const name of ['cat', 'cut', 'dirname', 'grep', 'sha256sum', 'helm', 'kubectl'].filter((program) => program !== missing)) {
      symlinkSync(['helm', 'kubectl'].includes(name) ? join(PROGRAMS, name) : execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(bin, name));
    }
    // By its path: it is not in that directory.
    const interpreter = execFileSync('sh', ['-c', `PATH=$1 command -v ${shell[0]}`, '-', path], { encoding: 'utf8' }).trim();
    const { status, stderr } = await packages.run(first, 'deploy.sh', [], { shell: [interpreter], env: { PATH: bin, CLUSTER: cluster } });
    expect(stderr).toContain(`deploy.sh: ${missing} is needed`);
    expect(status).toBe(1);
    expect(calls()).toEqual([]);
  });

  it('changes nothing with --dry-run', async () => {
    const { status, stdout } = await run(first, ['--dry-run']);
    expect(stdout).toContain('Would make the secret serviceradar-falcosidekick in the namespace falco');
    expect(stdout).not.toContain('PRIVATE KEY');
    expect(status).toBe(0);
    expect(calls()).toEqual([expect.stringMatching(/^helm upgrade .* --dry-run/)]);
    expect(readdirSync(cluster)).toEqual([]);
  });

  it('makes the namespace and the secret, then the release', async () => {
    const { status, stdout, stderr } = await run(first);
    expect(stderr).toBe('');
    expect(stdout).toContain(`falcosidekick runs with the files of package ${FIRST}`);
    expect(stdout).toContain('http://falcosidekick.falco.svc:2801/');
    expect(status).toBe(0);
    expect(read('secret')).toBe(secretOf(first));
    expect(read('values')).toBe(readFileSync(join(first, 'falcosidekick.yaml'), 'utf8'));
    const asked = calls();
    expect(asked.map((call) => call.split(' ').slice(0, 3).join(' '))).toEqual([
      'kubectl get namespace',
      'kubectl create namespace',
      'kubectl create secret',
      'kubectl apply --server-side',
      'helm upgrade --install',
    ]);
    // The secret is nowhere where ps or a log shows it.
    expect(asked.join('\n')).not.toMatch(/PRIVATE KEY|credentials of/);
    expect(asked[4]).toMatch(/ falcosidekick --namespace falco .*--set-string podAnnotations\.checksum\/serviceradar=[0-9a-f]{64} /);
  });

  it('can be run again, and upgrades to a newer package', async () => {
    expect((await run(first)).status).toBe(0);
    const [, , , again] = calls();
    expect((await run(second)).status).toBe(0);
    expect(read('secret')).toBe(secretOf(second));
    const upgrade = calls().at(-1)!;
    const checksum = /serviceradar=([0-9a-f]{64})/;
    expect(checksum.exec(upgrade)![1]).not.toBe(checksum.exec(again!)![1]);
  });

  it('goes where it is told to', async () => {
    const { status, stdout } = await run(first, ['--namespace', 'security', '--release', 'edge', '--context', 'my cluster', '--chart', './my chart', '--chart-version', '0.12.0']);
    expect(stdout).toContain('http://edge-falcosidekick.security.svc:2801/');
    expect(status).toBe(0);
    const asked = calls();
    expect(asked.filter((call) => call.startsWith('kubectl') && !call.includes('create secret')).every((call) => call.endsWith(' --context my cluster'))).toBe(true);
    expect(asked.at(-1)).toMatch(/^helm upgrade --install edge --namespace security .* --version 0\.12\.0 \.\/my chart --kube-context my cluster$/);
  });

  describe('when something fails', () => {
    afterEach(() => {
      for (const file of ['fails', 'refuses']) rmSync(join(cluster, file), { force: true });
      calls();
    });

    it('does not touch the release when the secret cannot be written', async () => {
      writeFileSync(join(cluster, 'refuses'), '');
      const { status, stderr } = await run(first);
      expect(stderr).toContain('The secret serviceradar-falcosidekick could not be written.');
      expect(status).toBe(1);
      expect(calls().filter((call) => call.startsWith('helm'))).toEqual([]);
    });

    it('says what Helm said when the release does not come up', async () => {
      writeFileSync(join(cluster, 'fails'), '');
      const { status, stderr } = await run(second);
      expect(stderr).toContain('timed out waiting for the condition');
      expect(stderr).toContain('The release falcosidekick does not come up.');
      expect(status).toBe(1);
      expect(calls().at(-1)).toContain(' --atomic ');
    });
  });

  it('removes the release and the secret with --uninstall', async () => {
    expect((await run(first, ['--uninstall', '--dry-run'])).stdout).toContain('Would remove');
    expect(calls()).toEqual([]);
    expect((await run(first, ['--uninstall'])).status).toBe(0);
    expect(existsSync(join(cluster, 'secret'))).toBe(false);
    expect(existsSync(join(cluster, 'values'))).toBe(false);
  });

  it('takes names for nothing but text', () => {
    expect(readdirSync(packages.dir, { recursive: true, encoding: 'utf8' }).filter((file) => file.includes('canary'))).toEqual([]);
  });
});
