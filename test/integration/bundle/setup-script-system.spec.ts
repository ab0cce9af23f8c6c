import { appendFileSync } from 'node:fs';
import { systemRandom } from '#libs/kernel';
import { createKeyPair } from '#libs/nats';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Laboratory } from './laboratory.js';
import { Machine } from './machine.js';
import type { Outcome } from './run-script.js';

const UNIT = '/etc/systemd/system/nats-leaf.service';
const NEXT_SERVER = '/usr/local/sbin/nats-server-next';
const CHANGES = /^(daemon-reload|enable|disable|start|stop|reload)/;

describe('setup.sh as root, on a machine with systemd', () => {
  let laboratory: Laboratory;
  let machine: Machine;
  let first: string;
  let second: string;

  const run = (bundle: string, ...args: string[]): Promise<Outcome> => laboratory.setup(bundle, args, { shell: machine.shell, env: machine.env });
  const changes = (): string[] => machine.calls('systemd/nats-leaf').filter((call) => CHANGES.test(call));
  const pid = (): string => machine.read('/run/systemd/nats-leaf/main-pid');
  const commandLine = (): string => machine.run(`tr '\\0' ' ' </proc/${pid().trim()}/cmdline`);
  /** `mode owner:group` of each path. */
  const modes = (...paths: string[]): string[] => machine.run(`stat -c '%a %U:%G' ${paths.join(' ')}`).split('\n');

  beforeAll(async () => {
    laboratory = await Laboratory.open(NATS_VERSIONS[1]!);
    machine = await Machine.boot(laboratory.version.path);
    await laboratory.startHub();
    first = await laboratory.bundle({ generation: 1 });
    second = await laboratory.bundle({ generation: 2 });
  });

  afterAll(async () => {
    await machine?.stop();
    await laboratory.close();
  });

  describe('with a configuration that the server does not accept', () => {
    it('leaves no configuration, service or enabled unit', async () => {
      const broken = await laboratory.bundle({ generation: 1, edit: (conf) => `${conf}nonsense: 3\n` });
      const { status, stderr } = await run(broken);
      expect(stderr).toContain('Nothing was installed.');
      expect(status).toBe(1);
      expect(machine.has('/etc/nats')).toBe(false);
      expect(machine.has(UNIT)).toBe(false);
      expect(machine.has('/run/systemd/nats-leaf/loaded')).toBe(false);
    });
  });

  describe('run on a bundle', () => {
    it('installs the service, starts it and connects', async () => {
      machine.calls('systemd/nats-leaf');
      const { status, stdout, stderr } = await run(first);
      expect(stderr).toBe('');
      expect(stdout).toContain('Log: journalctl -u nats-leaf');
      expect(status).toBe(0);
      expect(changes()).toEqual(['daemon-reload', 'enable --quiet nats-leaf', 'start nats-leaf']);
      expect(await laboratory.linksToHub()).toBe(1);
    });

    it('makes a user nats without a shell, which the server runs as', () => {
      expect(machine.run('getent passwd nats')).toMatch(/^nats:.*:\/var\/lib\/nats:\/usr\/sbin\/nologin$/);
      expect(machine.run(`stat -c %U:%G /proc/${pid().trim()}`)).toBe('nats:nats');
    });

    it('runs the nats-server found on PATH', () => {
      expect(commandLine()).toBe('/usr/local/sbin/nats-server -c /etc/nats/nats-leaf.conf');
      expect(machine.read(UNIT)).toContain('\nExecStart=/usr/local/sbin/nats-server -c /etc/nats/nats-leaf.conf\n');
    });

    it('lets the server read its configuration and change only its data', () => {
      expect(modes('/etc/nats', '/etc/nats/certs', '/etc/nats/creds')).toEqual(Array(3).fill('750 root:nats'));
      const files = machine.run('find /etc/nats -type f').split('\n');
      expect(files).toContain('/etc/nats/certs/nats-leaf-key.pem');
      expect(modes(...files)).toEqual(files.map(() => '640 root:nats'));
      expect(modes('/var/lib/nats', '/var/lib/nats/jetstream')).toEqual(Array(2).fill('750 nats:nats'));
      expect(modes(UNIT)).toEqual(['644 root:root']);
    });

    it('has nothing to change when it is run again', async () => {
      const before = pid();
      const { status, stdout } = await run(first);
      expect(stdout).toContain('Nothing to change: generation 1 is installed already.');
      expect(status).toBe(0);
      expect(changes()).toEqual([]);
      expect(pid()).toBe(before);
    });

    it('finds everything good with --check', async () => {
      const { status, stdout } = await run(first, '--check');
      expect(stdout).not.toMatch(/ bad /);
      expect(status).toBe(0);
      expect(changes()).toEqual([]);
    });

    it('puts back a unit that somebody changed by hand', async () => {
      const original = machine.read(UNIT);
      appendFileSync(machine.path(UNIT), '# a remark\n');
      expect((await run(first)).status).toBe(0);
      expect(machine.read(UNIT)).toBe(original);
    });
  });

  describe('run on the bundle of a new generation', () => {
    it('reloads the service, which goes on', async () => {
      const before = pid();
      changes();
      const { status, stdout } = await run(second);
      expect(stdout).toContain('Replacing generation 1 by generation 2.');
      expect(status).toBe(0);
      expect(changes()).toEqual(['daemon-reload', 'reload nats-leaf', 'reload nats-leaf']);
      expect(pid()).toBe(before);
      expect(await laboratory.linksToHub()).toBe(1);
    });

    it('puts the one before back, with its unit, when it does not connect', async () => {
      const unit = machine.read(UNIT);
      const foreign = await laboratory.bundle({ generation: 3, account: createKeyPair('account', systemRandom) });
      const { status, stderr } = await run(foreign, '--nats-server', NEXT_SERVER, '--timeout', '8');
      expect(stderr).toMatch(/Authorization Violation/i);
      expect(stderr).toContain('Generation 2 was put back and runs as before.');
      expect(status).toBe(1);
      expect(machine.read('/etc/nats/installed')).toContain('generation 2');
      expect(machine.read(UNIT)).toBe(unit);
      expect(commandLine()).toBe('/usr/local/sbin/nats-server -c /etc/nats/nats-leaf.conf');
      await until('the generation before is connected', async () => ((await laboratory.linksToHub()) === 1 ? true : undefined));
    });

    it('restarts the service with another nats-server', async () => {
      expect((await run(second, '--nats-server', NEXT_SERVER)).status).toBe(0);
      expect(commandLine()).toBe(`${NEXT_SERVER} -c /etc/nats/nats-leaf.conf`);
    });
  });

  describe('--stop', () => {
    it('stops the service, which the next run starts again', async () => {
      expect((await run(second, '--stop')).status).toBe(0);
      await expect(laboratory.leaf('/healthz')).rejects.toThrow();
      expect((await run(second, '--check')).status).toBe(1);
      expect((await run(second)).status).toBe(0);
    });
  });

  describe('--uninstall', () => {
    it('removes the service and its files and keeps the messages', async () => {
      changes();
      const { status, stdout } = await run(second, '--uninstall');
      expect(stdout).toContain('Its messages are kept in /var/lib/nats/jetstream.');
      expect(status).toBe(0);
      expect(changes()).toEqual(['stop nats-leaf', 'disable --quiet nats-leaf', 'daemon-reload']);
      await expect(laboratory.leaf('/healthz')).rejects.toThrow();
      for (const path of [UNIT, '/etc/nats', '/etc/nats.previous', '/etc/nats.new', '/run/nats']) expect([path, machine.has(path)]).toEqual([path, false]);
      expect(machine.run('ls /etc/systemd/system/multi-user.target.wants | grep nats || true')).toBe('');
      expect(machine.run('find /var/lib/nats/jetstream -type d | wc -l')).not.toBe('1');
    });

    it('removes the messages too with --purge', async () => {
      const { status, stdout } = await run(second, '--uninstall', '--purge');
      expect(stdout).toContain('Its messages are gone too.');
      expect(status).toBe(0);
      expect(machine.has('/var/lib/nats')).toBe(false);
    });
  });
});
