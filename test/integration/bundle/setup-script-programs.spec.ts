import { NATS_VERSIONS } from '../nats/nats-server.js';
import { Laboratory } from './laboratory.js';
import { Machine } from './machine.js';
import type { Outcome } from './run-script.js';

describe('setup.sh', () => {
  let laboratory: Laboratory;
  let machine: Machine;
  let bundle: string;

  const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> => laboratory.setup(bundle, args, { shell: machine.shell, env: { ...machine.env, ...env } });
  const expectNothingInstalled = (): void => {
    for (const path of ['/etc/nats', '/etc/nats.new', '/var/lib/nats']) expect([path, machine.has(path)]).toEqual([path, false]);
    expect(machine.run('id -u nats 2>/dev/null || echo none')).toBe('none');
  };

  beforeAll(async () => {
    laboratory = await Laboratory.open(NATS_VERSIONS[1]!);
    machine = await Machine.boot(laboratory.version.path);
    bundle = await laboratory.bundle({ generation: 1 });
  });

  afterAll(async () => {
    await machine?.stop();
    await laboratory.close();
  });

  describe.each(['--help', '-h'])('%s', (option) => {
    it('says what it can do, and does nothing', async () => {
      const { status, stdout, stderr } = await run([option]);
      expect(stdout).toMatch(/^Installs the NATS leaf of this edge site/);
      for (const word of ['--prefix DIR', '--docker', '--check', '--stop', '--uninstall', '--purge', '--nats-server PATH', '--timeout SECONDS', '--no-wait', '--no-start', 'Exit status:']) {
        expect(stdout).toContain(word);
      }
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expectNothingInstalled();
    });
  });

  describe('for another user than root', () => {
    it('asks for root or a prefix', async () => {
      // The folder of the bundle is root's; what it needs of it is given through the shell.
      const shell = [...machine.shell.slice(0, -1), 'setpriv', '--reuid', '65534', '--bounding-set=+all', '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search', 'sh'];
      const { status, stderr } = await laboratory.setup(bundle, [], { shell, env: machine.env });
      expect(stderr).toBe('setup.sh: This needs root: run it with sudo, or with --prefix DIR to install below a directory of your own.\n');
      expect(status).toBe(1);
      expectNothingInstalled();
    });
  });

  describe('on a machine without systemd', () => {
    beforeAll(() => machine.run('mv /run/systemd/system /run/systemd/away'));
    afterAll(() => machine.run('mv /run/systemd/away /run/systemd/system'));

    it('names the other ways', async () => {
      const { status, stderr } = await run([]);
      expect(stderr).toContain('This machine does not run systemd. Use --docker, or --prefix DIR');
      expect(status).toBe(1);
      expectNothingInstalled();
    });
  });

  describe('looking for nats-server', () => {
    const version = (path: string, text: string): string => machine.run(`printf '#!/bin/sh\\necho "nats-server: ${text}"\\n' >${path} && chmod 0755 ${path}`);

    it('finds it in the directories for administrators, if PATH lacks them', async () => {
      const { stdout } = await run(['--check'], { PATH: '/usr/bin:/bin' });
      expect(stdout).toMatch(/^nats-server +good +\/usr\/local\/sbin\/nats-server, version 2\.\d+\.\d+$/m);
    });

    it('prefers the one named by NATS_SERVER, and to that the one of --nats-server', async () => {
      version('/run/of-variable', 'v2.11.1');
      version('/run/of-option', 'v2.12.2');
      const env = { NATS_SERVER: '/run/of-variable' };
      expect((await run(['--check'], env)).stdout).toMatch(/^nats-server +good +\/run\/of-variable, version 2\.11\.1$/m);
      expect((await run(['--check', '--nats-server', '/run/of-option'], env)).stdout).toMatch(/^nats-server +good +\/run\/of-option, version 2\.12\.2$/m);
    });

    it('refuses one where the service has no access', async () => {
      machine.run('mount -t tmpfs tmpfs /root');
      version('/root/nats-server', 'v2.12.2');
      const { status, stderr } = await run(['--nats-server', '/root/nats-server']);
      expect(stderr).toContain('The service has no access to /root/nats-server: copy it to /usr/local/bin first.');
      expect(status).toBe(1);
      expectNothingInstalled();
    });

    describe('with only an old one there', () => {
      beforeAll(() => {
        machine.run('mv /usr/local/sbin/nats-server /usr/local/sbin/put-aside');
        version('/usr/local/sbin/nats-server', 'v2.9.10');
      });
      afterAll(() => machine.run('rm /usr/local/sbin/nats-server'));

      it('refuses it and says where to get another', async () => {
        const { status, stderr } = await run([]);
        expect(stderr).toContain('/usr/local/sbin/nats-server is version 2.9.10, which is too old. Install nats-server 2.10.26 or newer');
        expect(status).toBe(1);
        expectNothingInstalled();
      });
    });

    describe('with none there', () => {
      it('says where to get one', async () => {
        const { status, stderr } = await run([]);
        expect(stderr).toMatch(/^setup\.sh: No nats-server was found\. Install nats-server 2\.10\.26 or newer: .* name it with --nats-server PATH\.\n$/);
        expect(status).toBe(1);
        expectNothingInstalled();
      });

      it('says so with --check too', async () => {
        const { status, stdout } = await run(['--check']);
        expect(stdout).toMatch(/^nats-server +bad +setup\.sh: No nats-server was found\./m);
        expect(stdout).toMatch(/^installed +bad +nothing in \/etc\/nats: run setup\.sh$/m);
        expect(status).toBe(1);
      });
    });
  });
});
