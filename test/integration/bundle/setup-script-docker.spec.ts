import { systemRandom } from '#libs/kernel';
import { createKeyPair } from '#libs/nats';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Laboratory } from './laboratory.js';
import { Machine } from './machine.js';
import type { Outcome } from './run-script.js';

const UP = 'up -d --force-recreate';

describe.each([
  { where: 'as root', prefix: undefined, root: '' },
  { where: 'below a prefix', prefix: '/var/lib/site', root: '/var/lib/site' },
])('setup.sh --docker $where', ({ prefix, root }) => {
  let laboratory: Laboratory;
  let machine: Machine;
  let first: string;
  let second: string;

  const run = (bundle: string, ...args: string[]): Promise<Outcome> =>
    laboratory.setup(bundle, ['--docker', ...(prefix ? ['--prefix', prefix] : []), ...args], { shell: machine.shell, env: machine.env });
  /** What Compose was asked to change, each for the installed file. */
  const changes = (): string[] => {
    const project = `-p nats-leaf -f ${root}/etc/nats/docker-compose.yml `;
    const calls = machine.calls('docker');
    expect(calls.filter((call) => !call.startsWith(project))).toEqual([]);
    return calls.map((call) => call.slice(project.length)).filter((call) => /^(up|stop|down)/.test(call));
  };
  const pid = (): string => machine.read('/run/docker/pid').trim();

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

  it('refuses without the compose plugin, and changes nothing', async () => {
    const { status, stderr } = await run(first);
    expect(stderr).toBe('setup.sh: Docker Compose is needed for --docker: install Docker with its compose plugin.\n');
    expect(status).toBe(1);
    expect(machine.has(`${root}/etc/nats`)).toBe(false);
  });

  it('starts the container, which connects', async () => {
    machine.run('mkdir /run/docker');
    const { status, stdout, stderr } = await run(first);
    expect(stderr).toBe('');
    expect(stdout).toContain('Log: docker logs nats-leaf');
    expect(status).toBe(0);
    expect(changes()).toEqual([UP]);
    expect(await laboratory.linksToHub()).toBe(1);
  });

  it('runs the server as the owner of the data', () => {
    const owner = prefix ? 'root:root' : 'nats:nats';
    expect(machine.run(`stat -c %U:%G /proc/${pid()}`)).toBe(owner);
    expect(machine.run(`stat -c %U:%G ${root}/var/lib/nats/jetstream`)).toBe(owner);
  });

  it('needs no systemd', () => expect(machine.calls('systemd/nats-leaf')).toEqual([]));

  it('has nothing to change when it is run again', async () => {
    const before = pid();
    expect(await run(first)).toMatchObject({ status: 0, stdout: expect.stringContaining('Nothing to change') });
    expect(changes()).toEqual([]);
    expect(pid()).toBe(before);
  });

  it('finds everything good with --check', async () => {
    const { status, stdout } = await run(first, '--check');
    expect(stdout).not.toMatch(/ bad /);
    expect(status).toBe(0);
  });

  it('makes the container again for a new generation', async () => {
    changes();
    expect(await run(second)).toMatchObject({ status: 0, stdout: expect.stringContaining('(generation 2)') });
    expect(changes()).toEqual(['stop', UP]);
    expect(await laboratory.linksToHub()).toBe(1);
  });

  it('puts the one before back when the new one does not connect', async () => {
    const foreign = await laboratory.bundle({ generation: 3, account: createKeyPair('account', systemRandom) });
    const { status, stderr } = await run(foreign, '--timeout', '8');
    expect(stderr).toMatch(/Authorization Violation/i);
    expect(stderr).toContain('Generation 2 was put back and runs as before.');
    expect(status).toBe(1);
    expect(machine.read(`${root}/etc/nats/installed`)).toContain('generation 2');
    await until('the generation before is connected', async () => ((await laboratory.linksToHub()) === 1 ? true : undefined));
  });

  it('removes the container with --uninstall and keeps the messages', async () => {
    changes();
    expect(await run(second, '--uninstall')).toMatchObject({ status: 0, stdout: expect.stringContaining('Its messages are kept') });
    expect(changes()).toEqual(['down']);
    await expect(laboratory.leaf('/healthz')).rejects.toThrow();
    expect(machine.has(`${root}/etc/nats/docker-compose.yml`)).toBe(false);
    expect(machine.has(`${root}/var/lib/nats/jetstream`)).toBe(true);
  });

  it('removes the messages too with --purge', async () => {
    expect(await run(second, '--uninstall', '--purge')).toMatchObject({ status: 0, stdout: expect.stringContaining('Its messages are gone too.') });
    expect(machine.has(`${root}/var/lib/nats`)).toBe(false);
  });
});
