import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LeafFindings } from '#libs/contracts';
import type { DownloadTokenDto } from '../../src/bundles/dto/download-token.dto.js';
import type { OnboardingPackageDto } from '../../src/onboarding/dto/onboarding-package.dto.js';
import { type Api, ok } from '../../lab/api.js';
import { run } from '../../lab/child.js';
import { freePort } from '../../lab/free-port.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import type { Tenant } from '../../lab/tenant.js';
import { until } from '../../lab/until.js';
import { Machine } from '../integration/bundle/machine.js';
import { withDeployment } from './laboratory.js';

const NAME = 'serviceradar-agent';
const HOME = `/var/lib/${NAME}`;
const LIBRARY = `/usr/local/lib/${NAME}`;
const UNIT = `/etc/systemd/system/${NAME}.service`;
const INSTALLS = ['daemon-reload', `enable --quiet ${NAME}`, `restart ${NAME}`];
const AS_ITS_USER = `setpriv --reuid ${NAME} --regid ${NAME} --init-groups`;

const port = String(await freePort());
const env = { ROLES: 'api,worker,monitor,gateway', GATEWAY_PORT: port, GATEWAY_ADDRESS: `127.0.0.1:${port}`, AGENT_HEARTBEAT: '2' };

describe('an agent as a service of the machine that its leaf is a service of', () => {
  const lab = withDeployment(
    async (deployment) => {
      machine = await Machine.boot(NATS_SERVERS.latest);
      programs = join(deployment.directory, 'programs');
      mkdirSync(programs);
      const built = await run(process.execPath, ['agent/sea.mjs', programs]);
      if (built.code !== 0) throw new Error(`agent/sea.mjs ended with ${built.code}: ${built.output}`);
      // The Node of this machine, or ours where it has none that the agent takes.
      node = machine.run(`node '${programs}/${NAME}.cjs' --version >/dev/null 2>&1 || install -m 755 '${process.execPath}' /usr/local/sbin/node; command -v node`);
      const acme = await deployment.tenant('Acme');
      const site = await acme.createSite('New York');
      await site.provisioned();
      machine.run(`sh '${await site.download()}/setup.sh' --timeout 20`);
      await site.connected();
      return { acme, site };
    },
    { hub: 'local', env },
  );
  let machine: Machine;
  let node: string;
  /** Folder of the file and the program of its own, as somebody has downloaded them. */
  let programs: string;
  afterAll(() => machine?.stop());

  const byNode = (args: string) => `node '${programs}/${NAME}.cjs' ${args}`;
  const byItself = (args: string) => `'${programs}/${NAME}' ${args}`;
  /** Runs a line of shell to its end. @returns what it said, and its status if that is not 0 */
  const attempt = (line: string): string => machine.run(`{ ${line}; } 2>&1 || echo "status $?"`);
  /** `mode owner:group` of each path. */
  const modes = (...paths: string[]): string[] => machine.run(`stat -c '%a %U:%G' ${paths.join(' ')}`).split('\n');
  const calls = () => machine.calls(`systemd/${NAME}`);
  const pid = () => machine.read(`/run/systemd/${NAME}/main-pid`).trim();
  const commandLine = () => machine.run(`tr '\\0' ' ' </proc/${pid()}/cmdline`);

  const issue = ({ api }: Tenant, site: string) => ok(api.post<OnboardingPackageDto>('/admin/edge-packages', { label: 'The agent', component_type: 'agent', component_id: 'agent-1', edge_site_id: site }));
  const download = ({ api }: Tenant, { id }: OnboardingPackageDto) => ok(api.post<DownloadTokenDto>(`/admin/edge-packages/${id}/download-tokens`));
  const shown = async (api: Api) => (await ok(api.get<{ data: { id: string; agent_id: string; last_seen_at: string }[] }>('/admin/agents'))).data;
  /** Waits until the platform has heard of the agent from now on. */
  const heard = (api: Api) => {
    const now = new Date().toISOString();
    return until('the platform hears of it', async () => (await shown(api)).find(({ last_seen_at: seen }) => seen > now));
  };

  let first: OnboardingPackageDto;
  let token: string;

  describe('before it takes the token', () => {
    it('refuses who is not root', lab(async ({ arranged: { acme, site } }) => {
      first = await issue(acme, site.id);
      ({ token } = await download(acme, first));
      const said = attempt(`printf %s '${token}' | setpriv --reuid 65534 --regid 65534 --clear-groups ${byNode('enrol --token - --systemd')}`);
      expect(said).toBe(`${NAME}: A service is installed by root: run it with sudo.\nstatus 1`);
    }));

    it('refuses a directory that a service does not see', lab(async () => {
      const said = attempt(`printf %s '${token}' | ${byNode('enrol --token - --systemd --dir /home/somebody/agent')}`);
      expect(said).toMatch(/A service does not see \/home\/somebody\/agent: .* Take another directory\.\nstatus 1$/);
    }));

    it('refuses a directory that is a way to such a one', lab(async () => {
      const said = attempt(`ln -s /home /var/lib/homes; printf %s '${token}' | ${byNode('enrol --token - --systemd --dir /var/lib/homes/somebody/agent')}`);
      expect(said).toMatch(/A service does not see \/home\/somebody\/agent: .*\nstatus 1$/);
    }));

    it('refuses a machine without systemd', lab(async () => {
      const said = attempt(`mv /run/systemd/system /run/systemd/away; printf %s '${token}' | ${byNode('enrol --token - --systemd')}`);
      machine.run('mv /run/systemd/away /run/systemd/system');
      expect(said).toMatch(/This machine does not run systemd\. .*\nstatus 1$/);
      expect(machine.has(HOME)).toBe(false);
    }));
  });

  describe('enrolled with the token, and Node', () => {
    it('is installed and started', lab(async () => {
      calls();
      const said = attempt(`umask 077; printf %s '${token}' | ${byNode('enrol --token - --systemd')}`);
      expect(said).toMatch(/^The agent agent-1 has enrolled in \S+, for the gateway at 127\.0\.0\.1:\d+\.\nIt runs as the service serviceradar-agent\. Log: journalctl -u serviceradar-agent$/);
      expect(calls()).toEqual(INSTALLS);
    }));

    it('has a user without a shell, whose its files are, and a program and a unit that are root’s, whatever the umask was', lab(async () => {
      expect(machine.run(`getent passwd ${NAME}`)).toMatch(/:\/var\/lib\/serviceradar-agent:\/usr\/sbin\/nologin$/);
      expect(modes(HOME, `${HOME}/certs`)).toEqual(Array(2).fill(`700 ${NAME}:${NAME}`));
      const files = [`${HOME}/gateway.json`, `${HOME}/certs/component.pem`, `${HOME}/certs/component-key.pem`, `${HOME}/certs/ca-chain.pem`];
      expect(modes(...files)).toEqual(files.map(() => `600 ${NAME}:${NAME}`));
      expect(modes(LIBRARY, `${LIBRARY}/${NAME}.cjs`, UNIT)).toEqual(['755 root:root', '755 root:root', '644 root:root']);
      expect(machine.run(`cmp '${programs}/${NAME}.cjs' ${LIBRARY}/${NAME}.cjs && ls ${LIBRARY}`)).toBe(`${NAME}.cjs`);
    }));

    it('is known to the platform, and tells how the leaf is and what it runs with', lab(async ({ arranged: { acme, site } }) => {
      const { config_checksum: rightful } = (await site.get()).leaf_server;
      await until('the leaf is shown so', async () => {
        const [agent] = await shown(acme.api);
        const { services } = await ok(acme.api.get<{ services: { service_name: string; details: LeafFindings }[] }>(`/admin/agents/${agent!.id}`));
        const leaf = services.find(({ service_name: name }) => name === 'nats-leaf')?.details;
        return leaf?.upstream_connected && leaf.config_checksum === rightful;
      });
      const { status } = await ok(acme.api.get<OnboardingPackageDto>(`/admin/edge-packages/${first.id}`));
      expect(status).toBe('activated');
    }));

    it('runs as that user, in the group of the leaf', lab(async () => {
      expect(machine.run(`stat -c %U:%G /proc/${pid()}`)).toBe(`${NAME}:${NAME}`);
      expect(machine.run(`sed -n 's/^Groups:\\s*//p' /proc/${pid()}/status`).split(' ')).toContain(machine.run('getent group nats | cut -d : -f 3'));
      expect(commandLine()).toMatch(new RegExp(`^${machine.run(`readlink -f ${node}`)} --\\S.* ${LIBRARY}/${NAME}\\.cjs run --config ${HOME}$`));
    }));

    // A small Debian has none, and nothing else of this project needs it; the unit's text is tested in any case.
    (existsSync('/usr/bin/systemd-analyze') ? it : it.skip)('has a unit that systemd accepts', lab(async () => expect(attempt(`systemd-analyze verify ${UNIT}`)).toBe('')));
  });

  describe('as a program of its own', () => {
    it('says its version, how it is used, and what it does not understand', lab(async () => {
      expect(attempt(byItself('--version'))).toBe('0.1.0');
      expect(attempt(byItself('--help'))).toMatch(/^Watches the NATS leaf .*\n\n {2}serviceradar-agent enrol --bundle FILE/);
      expect(attempt(byItself('--nonsense'))).toMatch(/^serviceradar-agent: Unknown option '--nonsense'\.\n[^]*\nstatus 2$/);
    }));

    it('does all checks once', lab(async () => {
      expect(attempt(`${AS_ITS_USER} ${byItself('check')}`)).toMatch(/\nnats-leaf +nats_leaf +available .* upstream_connected=true [^\n]*$/);
    }));

    it('takes the place of the file while that runs, with a new package', lab(async ({ arranged: { acme, site } }) => {
      const [before] = await shown(acme.api);
      await ok(acme.api.post(`/admin/edge-packages/${first.id}/revoke`));
      const { command } = await download(acme, await issue(acme, site.id));
      machine.run(`mkdir /run/download && cd /run/download && ${command}`);
      calls();
      expect(attempt(byItself('enrol --bundle /run/download/*.tar.gz --systemd'))).toContain('It runs as the service serviceradar-agent.');
      expect(calls()).toEqual(INSTALLS);
      expect((await heard(acme.api)).id).toBe(before!.id);
      expect(commandLine()).toBe(`${LIBRARY}/${NAME} run --config ${HOME}`);
    }));

    it('enrols again from where it is installed, as it runs, and in a directory that is made whatever the umask is', lab(async ({ arranged: { acme } }) => {
      const former = pid();
      expect(attempt(`umask 077; ${LIBRARY}/${NAME} enrol --bundle /run/download/*.tar.gz --dir /var/lib/edge/agent --systemd`)).toContain('It runs as the service serviceradar-agent.');
      expect(pid()).not.toBe(former);
      await heard(acme.api);
    }));
  });

  describe('by the lines of its README', () => {
    const lines = (heading: string): string[] => {
      const section = readFileSync('agent/README.md', 'utf8').split('\n## ').find((text) => text.startsWith(`${heading}\n`))!;
      return [...section.matchAll(/^ {4}sudo (.*)$/gm)].map(([, line]) => line!);
    };

    it('is upgraded as it runs', lab(async ({ arranged: { acme } }) => {
      const former = pid();
      machine.run([`cd '${programs}'`, ...lines('Upgrade')].join('\n'));
      expect(pid()).not.toBe(former);
      await heard(acme.api);
      // The one that was there before would be "(deleted)".
      expect(machine.run(`readlink /proc/${pid()}/exe`)).toBe(`${LIBRARY}/${NAME}`);
    }));

    it('is removed', lab(async () => {
      const former = pid();
      machine.run(lines('Remove').join('\n'));
      expect(machine.has(`/proc/${former}`)).toBe(false);
      for (const path of [UNIT, LIBRARY, HOME]) expect([path, machine.has(path)]).toEqual([path, false]);
      expect(machine.run(`getent passwd ${NAME} || true`)).toBe('');
    }));
  });
});
