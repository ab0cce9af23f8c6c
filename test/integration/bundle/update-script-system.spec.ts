import { writeFileSync } from 'node:fs';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { CollectorPackages, FIRST, SECOND } from './collector-packages.js';
import { Machine } from './machine.js';
import type { Outcome } from './run-script.js';

const ETC = '/etc/serviceradar';
const SERVICE = 'serviceradar-flowgger';
const UNIT = `/etc/systemd/system/${SERVICE}.service`;
const CHANGES = /^(enable|disable|start|stop|restart)/;
/** The configuration that the collector below ends with. */
const BROKEN_URL = 'tls://broken.example.com:4222';

/** The service of the collector's own package. */
const unitText = (configuration = `${ETC}/flowgger.toml`): string => `[Service]
User=serviceradar
Group=serviceradar
ExecStart=/usr/local/sbin/collector ${configuration}
KillSignal=SIGTERM
RestartSec=0.05
RuntimeDirectory=flowgger
RuntimeDirectoryMode=0750
UMask=0077

[Install]
WantedBy=multi-user.target
`;

/** A collector that needs to read all that its configuration names. */
const COLLECTOR = `#!/bin/sh
set -eu
echo "reads $1"
for file in $(sed -n 's/^nats_[a-z_]* = "\\(\\/[^"]*\\)"$/\\1/p' "$1"); do cat "$file" >/dev/null; done
if grep -q '${BROKEN_URL}' "$1"; then
  echo 'cannot resolve broken.example.com' >&2
  exit 1
fi
exec sleep 100000
`;

/** Says of each service that it is another process than before. */
const LAPSING = `#!/bin/sh
if [ "$1" = show ]; then echo "MainPID=$$"; else exec /usr/local/sbin/systemctl "$@"; fi
`;

describe('update.sh as root, on a machine with systemd', () => {
  let machine: Machine;
  let packages: CollectorPackages;
  let first: string;
  let second: string;

  const run = (folder: string, ...args: string[]): Promise<Outcome> => packages.run(folder, 'update.sh', args, { shell: machine.shell, env: machine.env });
  const changes = (): string[] => machine.calls(`systemd/${SERVICE}`).filter((call) => CHANGES.test(call));
  const pid = (): string => machine.read(`/run/systemd/${SERVICE}/main-pid`).trim();
  const creds = (): string => machine.read(`${ETC}/creds/nats.creds`);
  const modes = (...paths: string[]): string[] => machine.run(`stat -c '%a %U:%G' ${paths.join(' ')}`).split('\n');

  beforeAll(async () => {
    machine = await Machine.boot(NATS_VERSIONS[1]!.path);
    packages = new CollectorPackages();
    [first, second] = [await packages.unpacked(FIRST), await packages.unpacked(SECOND)];
    writeFileSync(machine.path('/usr/local/sbin/collector'), COLLECTOR, { mode: 0o755 });
  });

  afterAll(async () => {
    await machine?.stop();
    packages?.close();
  });

  describe('where the collector is not installed yet', () => {
    it('installs the files, and says what is missing', async () => {
      const { status, stdout, stderr } = await run(first);
      expect(stderr).toBe('');
      expect(stdout).toContain(`systemd has no service ${SERVICE} yet`);
      expect(status).toBe(0);
      expect((await run(first, '--check')).stdout).toMatch(/^running +bad +systemd has no service /m);
      expect((await run(first, '--uninstall')).status).toBe(0);
    });
  });

  describe('whose collector does not come up', () => {
    it('leaves the configuration that came with it', async () => {
      writeFileSync(machine.path(UNIT), unitText());
      machine.run(`mkdir -p ${ETC} && echo '# came with the collector' >${ETC}/flowgger.toml && chmod 0644 ${ETC}/flowgger.toml`);
      const { status, stderr } = await run(await packages.unpacked(FIRST, 'flowgger', BROKEN_URL), '--timeout', '2');
      expect(stderr).toContain(`${SERVICE} does not come up within 2 s.`);
      expect(stderr).toContain('cannot resolve broken.example.com');
      expect(stderr).toContain('Nothing was installed: the files are as they were.');
      expect(status).toBe(1);
      expect(machine.read(`${ETC}/flowgger.toml`)).toBe('# came with the collector\n');
      expect(machine.run(`find ${ETC} -type f`)).toBe(`${ETC}/flowgger.toml`);
      expect(changes().at(-1)).toBe(`stop ${SERVICE}`);
    });
  });

  describe('run on a package', () => {
    it('installs it and starts the service', async () => {
      const { status, stdout, stderr } = await run(first);
      expect(stderr).toBe('');
      expect(stdout).toContain(`The flowgger collector runs with the files of package ${FIRST}, and sends to tls://localhost:4222. Log: journalctl -u ${SERVICE}`);
      expect(status).toBe(0);
      expect(changes()).toEqual([`enable --quiet ${SERVICE}`, `restart ${SERVICE}`]);
    });

    it('lets the collector read its files, and change none', () => {
      expect(machine.run(`stat -c %U:%G /proc/${pid()}`)).toBe('serviceradar:serviceradar');
      const files = ['certs/collector.pem', 'certs/collector-key.pem', 'certs/ca-chain.pem', 'creds/nats.creds', 'flowgger.toml'].map((file) => `${ETC}/${file}`);
      expect(modes(...files)).toEqual(files.map(() => '640 root:serviceradar'));
      expect(modes(`${ETC}/certs`, `${ETC}/creds`)).toEqual(['750 root:serviceradar', '750 root:serviceradar']);
      expect(machine.run('getent passwd serviceradar')).toMatch(/:\/usr\/sbin\/nologin$/);
    });

    it('keeps what was there before', () => {
      expect(machine.read(`${ETC}/collector.previous/flowgger.toml`)).toBe('# came with the collector\n');
    });

    it('has nothing to change when it is run again', async () => {
      const before = pid();
      const { status, stdout } = await run(first);
      expect(stdout).toContain('Nothing to change');
      expect(status).toBe(0);
      expect(changes()).toEqual([]);
      expect(pid()).toBe(before);
    });

    it('starts the service again if somebody stopped it', async () => {
      machine.run(`systemctl stop ${SERVICE}`);
      expect((await run(first, '--check')).stdout).toMatch(/^running +bad /m);
      expect((await run(first)).status).toBe(0);
      const { status, stdout } = await run(first, '--check');
      expect(stdout).not.toMatch(/ bad /);
      expect(stdout).toMatch(/^running +good /m);
      expect(status).toBe(0);
    });
  });

  describe('run on a newer package', () => {
    it('restarts the service with its files', async () => {
      changes();
      const before = pid();
      expect((await run(second)).status).toBe(0);
      expect(changes()).toEqual([`enable --quiet ${SERVICE}`, `restart ${SERVICE}`]);
      expect(pid()).not.toBe(before);
      expect(creds()).toBe(`credentials of ${SECOND}\n`);
    });

    it('puts the files before back, and runs with them, when the service does not come up', async () => {
      const { status, stderr } = await run(await packages.unpacked(FIRST, 'flowgger', BROKEN_URL), '--timeout', '2');
      expect(stderr).toContain(`The files of package ${SECOND} were put back.`);
      expect(stderr).toContain(`${SERVICE} runs as before.`);
      expect(status).toBe(1);
      expect(creds()).toBe(`credentials of ${SECOND}\n`);
      expect((await run(second, '--check')).status).toBe(0);
    });

    it('does not take a service for one that is up when it is another process each time', async () => {
      // One that ends and is started again just so that it is active whenever it is looked at.
      machine.run('mkdir /run/lapsing');
      writeFileSync(machine.path('/run/lapsing/systemctl'), LAPSING, { mode: 0o755 });
      const env = { ...machine.env, PATH: `/run/lapsing:${machine.env.PATH}` };
      const { status, stderr } = await packages.run(first, 'update.sh', ['--timeout', '2'], { shell: machine.shell, env });
      expect(stderr).toContain(`${SERVICE} does not come up within 2 s.`);
      expect(stderr).toContain(`${SERVICE} does not come up with them either.`);
      expect(status).toBe(1);
      expect(creds()).toBe(`credentials of ${SECOND}\n`);
    });

    describe('that is ended while it waits for the service', () => {
      let broken: string;
      beforeAll(async () => {
        // It waits until it is ended, for this one never comes up.
        broken = await packages.unpacked(FIRST, 'flowgger', BROKEN_URL);
      });

      const endAs = async (signal: 'INT' | 'KILL'): Promise<Outcome> => {
        changes();
        const running = run(broken);
        await until('it waits for the service', () => /^restart .*\nis-active /m.test(machine.read(`/run/systemd/${SERVICE}/calls`)));
        // The brackets keep the shell that looks for it out of what is found.
        machine.run(`kill -${signal} $(pgrep -o -f '[u]pdate.sh')`);
        return running;
      };

      it('puts the files before back when it is interrupted', async () => {
        const { status, stderr } = await endAs('INT');
        expect(stderr).toContain('Interrupted.');
        expect(status).toBe(1);
        expect(creds()).toBe(`credentials of ${SECOND}\n`);
        expect((await run(second, '--check')).status).toBe(0);
      });

      it('goes back to them at the next run when it was killed', async () => {
        await endAs('KILL');
        expect(creds()).toBe(`credentials of ${FIRST}\n`);
        expect((await run(second, '--check')).stdout).toMatch(/^complete +bad /m);
        changes();
        const { status, stderr } = await run(second);
        expect(stderr).toContain('An installation was cut off here.');
        expect(status).toBe(0);
        expect(creds()).toBe(`credentials of ${SECOND}\n`);
        // It was started with the others.
        expect(changes()).toEqual([`enable --quiet ${SERVICE}`, `restart ${SERVICE}`]);
        expect((await run(second, '--check')).status).toBe(0);
      });
    });
  });

  describe('where the service reads another file', () => {
    it('says so', async () => {
      writeFileSync(machine.path(UNIT), unitText(`--config=${ETC}/log-collector.toml`));
      expect((await run(second, '--check')).stdout).toMatch(/^configured +bad +serviceradar-flowgger reads \/etc\/serviceradar\/log-collector\.toml, and not /m);
      const { status, stderr } = await run(second);
      expect(stderr).toContain(`${SERVICE} reads ${ETC}/log-collector.toml, and not ${ETC}/flowgger.toml.`);
      expect(status).toBe(0);
      writeFileSync(machine.path(UNIT), unitText());
    });
  });

  describe('--uninstall', () => {
    it('stops the service and removes the files', async () => {
      changes();
      const { status } = await run(second, '--uninstall');
      expect(status).toBe(0);
      expect(changes()).toEqual([`stop ${SERVICE}`, `disable --quiet ${SERVICE}`]);
      expect(machine.run(`find ${ETC} -type f`)).toBe('');
    });
  });

  describe('for another user than root', () => {
    it('asks for root or a prefix', async () => {
      // The folder of the package is root's; what it needs of it is given through the shell.
      const shell = [...machine.shell.slice(0, -1), 'setpriv', '--reuid', '65534', '--bounding-set=+all', '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search', 'sh'];
      const { status, stderr } = await packages.run(first, 'update.sh', [], { shell, env: machine.env });
      expect(stderr).toBe('update.sh: This needs root: run it with sudo, or with --prefix DIR to install below a directory of your own.\n');
      expect(status).toBe(1);
    });
  });
});
