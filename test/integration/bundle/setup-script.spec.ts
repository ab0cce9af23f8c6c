import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '#libs/kernel';
import { createKeyPair } from '#libs/nats';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Laboratory, SITE_NAME } from './laboratory.js';
import type { Outcome } from './run-script.js';

/** Characters that mean something to a shell, sed, awk or a NATS configuration. */
const AWKWARD_PREFIX = `a b "c" 'd' & e\\f #;{`;

describe.each(NATS_VERSIONS)('setup.sh with nats-server $name', (version) => {
  let laboratory: Laboratory;
  let prefix: string;
  let first: string;

  const run = (bundle: string, ...args: string[]): Promise<Outcome> => laboratory.setup(bundle, ['--prefix', prefix, ...args]);
  const pid = (): string => readFileSync(join(prefix, 'run/nats/nats-leaf.pid'), 'utf8').trim();
  const installed = (file: string): string => readFileSync(join(prefix, 'etc/nats', file), 'utf8');
  const filesBelow = (dir: string): string[] => readdirSync(dir, { recursive: true, encoding: 'utf8' });

  beforeAll(async () => {
    laboratory = await Laboratory.open(version);
    prefix = join(laboratory.dir, AWKWARD_PREFIX);
    await laboratory.startHub();
    first = await laboratory.bundle({ generation: 1 });
  });

  afterAll(() => laboratory.close());

  describe('run on a bundle', () => {
    it('installs, starts and connects', async () => {
      const { status, stdout } = await run(first);
      expect(stdout).toContain(`The NATS leaf of ${SITE_NAME} runs and is connected to ${laboratory.upstreamUrl} (generation 1).`);
      expect(status).toBe(0);
      expect(await laboratory.linksToHub()).toBe(1);
    });

    it('puts every path of the configuration below the prefix, whatever is in its name', async () => {
      expect(filesBelow(join(prefix, 'etc/nats')).sort()).toEqual([
        'SHA256SUMS',
        'certs',
        'certs/ca-chain.pem',
        'certs/nats-leaf-key.pem',
        'certs/nats-leaf.pem',
        'certs/nats-server-key.pem',
        'certs/nats-server.pem',
        'certs/tenant-ca.pem',
        'creds',
        'creds/control.creds',
        'creds/tenant.creds',
        'installed',
        'nats-leaf.conf',
        'server',
      ]);
      const { config } = await laboratory.leaf<{ config: { store_dir: string } }>('/jsz');
      expect(config.store_dir).toBe(join(prefix, 'var/lib/nats/jetstream/jetstream'));
      expect(existsSync(join(prefix, 'var/log/nats-leaf.log'))).toBe(true);
      expect(filesBelow(join(prefix, 'var/lib/nats/accounts'))).toHaveLength(2);
    });

    it('leaves keys and credentials to their owner', () => {
      for (const path of ['certs/nats-server-key.pem', 'certs/nats-leaf-key.pem', 'creds/tenant.creds', 'creds/control.creds']) {
        expect(statSync(join(prefix, 'etc/nats', path)).mode & 0o777).toBe(0o600);
      }
      expect(statSync(join(prefix, 'etc/nats')).mode & 0o777).toBe(0o700);
    });

    it('takes the name of the site for nothing but text', () => {
      expect(filesBelow(laboratory.dir).filter((path) => path.includes('canary'))).toEqual([]);
    });

    it('has nothing to change when it is run again', async () => {
      const before = pid();
      const { status, stdout } = await run(first);
      expect(stdout).toContain('Nothing to change: generation 1 is installed already.');
      expect(stdout).toContain('is connected to');
      expect(status).toBe(0);
      expect(pid()).toBe(before);
    });

    it('finds everything good with --check', async () => {
      const { status, stdout } = await run(first, '--check');
      expect(stdout).toMatch(/^bundle +good .*config_checksum [0-9a-f]{64}$/m);
      for (const subject of ['nats-server', 'installed', 'running', 'connected', 'revocations', 'jetstream', 'leaf', 'listener']) {
        expect(stdout).toMatch(new RegExp(`^${subject} +good `, 'm'));
      }
      expect(status).toBe(0);
    });

    it('puts back what somebody changed by hand', async () => {
      const original = installed('nats-leaf.conf');
      appendFileSync(join(prefix, 'etc/nats/nats-leaf.conf'), '# a remark\n');
      expect((await run(first)).status).toBe(0);
      expect(installed('nats-leaf.conf')).toBe(original);
    });
  });

  describe('run on the bundle of a new generation', () => {
    let second: string;
    const user = createKeyPair('user', systemRandom);
    const connectedUsers: string[] = [];
    let disconnected = 0;
    let before: string;

    beforeAll(async () => {
      before = pid();
      await laboratory.onLeafConnected((publicKey) => connectedUsers.push(publicKey));
      const collector = await laboratory.collector();
      void (async () => {
        for await (const { type } of collector.status()) if (type === 'disconnect') disconnected++;
      })();
      second = await laboratory.bundle({ generation: 2, user });
      expect(await run(second)).toMatchObject({ status: 0, stdout: expect.stringContaining('(generation 2)') });
    });

    it('connects with the new credentials', async () => {
      await until('the hub has seen the new user', () => connectedUsers.includes(user.publicKey) || undefined);
      expect(await laboratory.linksToHub()).toBe(1);
    });

    if (version.isolatesLeafnodeInterest) {
      it("renews the link only: the server goes on, and the site's clients stay connected", () => {
        expect(pid()).toBe(before);
        expect(disconnected).toBe(0);
      });
    } else {
      it('restarts the server, which cannot renew its link', () => expect(pid()).not.toBe(before));
    }

    it('keeps the generation before beside it', () => {
      expect(readFileSync(join(prefix, 'etc/nats.previous/installed'), 'utf8')).toContain('generation 1');
      expect(installed('installed')).toContain('generation 2');
    });

    it('is told apart from the older bundle by --check', async () => {
      const { status, stdout } = await run(first, '--check');
      expect(stdout).toMatch(/^installed +bad +generation 2, which is not this bundle$/m);
      expect(status).toBe(1);
    });

    describe('that does not work', () => {
      let running: string;
      beforeEach(() => {
        running = pid();
      });

      const expectSecondToRun = async (): Promise<void> => {
        expect(installed('installed')).toContain('generation 2');
        expect(existsSync(join(prefix, 'etc/nats.new'))).toBe(false);
        await until('the generation before is connected', async () => ((await laboratory.linksToHub()) === 1 ? true : undefined));
      };

      it('keeps the server running when it does not accept the configuration', async () => {
        const broken = await laboratory.bundle({ generation: 3, edit: (conf) => `${conf}nonsense: 3\n` });
        const { status, stderr } = await run(broken);
        expect(stderr).toMatch(/does not accept the configuration of this bundle: .*nonsense/);
        expect(stderr).toContain('Generation 2 was put back and runs as before.');
        expect(status).toBe(1);
        expect(pid()).toBe(running);
        await expectSecondToRun();
      });

      it('puts the one before back when the server does not start', async () => {
        // Passes `nats-server -t`: a remote without an account in operator mode.
        const broken = await laboratory.bundle({ generation: 3, edit: (conf) => conf.replace(/^ *account: .*\n/m, '') });
        const { status, stderr } = await run(broken);
        expect(stderr).toContain('The server does not start.');
        expect(stderr).toContain('Generation 2 was put back and runs as before.');
        expect(status).toBe(1);
        await expectSecondToRun();
      });

      it('puts the one before back when it does not connect', async () => {
        const stranger = createKeyPair('account', systemRandom);
        const foreign = await laboratory.bundle({ generation: 3, account: stranger });
        const { status, stderr } = await run(foreign, '--timeout', '8');
        expect(stderr).toContain(`The server did not connect to ${laboratory.upstreamUrl} within 8 s.`);
        expect(stderr).toMatch(/Authorization Violation/i);
        expect(stderr).toContain('Generation 2 was put back and runs as before.');
        expect(status).toBe(1);
        await expectSecondToRun();
      });

      describe('and is interrupted while it waits', () => {
        let foreign: string;
        beforeAll(async () => {
          foreign = await laboratory.bundle({ generation: 3, account: createKeyPair('account', systemRandom) });
        });

        it('puts the one before back', async () => {
          const { status, stderr } = await laboratory.setup(foreign, ['--prefix', prefix], { interrupt: 'SIGINT' });
          expect(stderr).toContain('Interrupted.');
          expect(status).toBe(1);
          await expectSecondToRun();
        });

        it('goes back to the one before at the next run when it was killed', async () => {
          expect(await laboratory.setup(foreign, ['--prefix', prefix], { interrupt: 'SIGKILL' })).toMatchObject({ status: null });
          expect(installed('installed')).toContain('generation 3');
          expect((await run(second)).status).toBe(0);
          await expectSecondToRun();
          expect(await run(second, '--check')).toMatchObject({ status: 0 });
        });
      });
    });
  });

  describe('run where a generation is installed that has no control link', () => {
    it('gives it one, with a restart', async () => {
      const older = await laboratory.bundle({ generation: 2, edit: withoutControlLink });
      expect((await run(older)).status).toBe(0);
      expect((await run(older, '--check')).stdout).toMatch(/^revocations +bad +not heard of: this generation /m);
      const before = pid();

      const newer = await laboratory.bundle({ generation: 3 });
      expect((await run(newer)).status).toBe(0);
      expect(pid()).not.toBe(before);
      const { status, stdout } = await run(newer, '--check');
      expect(stdout).toMatch(/^revocations +good /m);
      expect(status).toBe(0);
    });

    it('has the link for messages decide whether the leaf is connected', async () => {
      const alone = await laboratory.bundle({ generation: 4, edit: (conf) => conf.replace('creds/control.creds', 'creds/tenant.creds.none') });
      expect((await run(alone)).status).toBe(0);
      const { stdout } = await run(alone, '--check');
      expect(stdout).toMatch(/^connected +good /m);
      expect(stdout).toMatch(/^revocations +bad +not heard of while there is no control link to /m);
    });
  });

  describe('--uninstall', () => {
    it('removes everything but the messages, and with --purge these too', async () => {
      const { status, stdout } = await run(first, '--uninstall');
      expect(stdout).toContain('Its messages are kept in');
      expect(status).toBe(0);
      await expect(laboratory.leaf('/healthz')).rejects.toThrow();
      expect(filesBelow(prefix).filter((path) => !path.startsWith('var'))).toEqual([]);
      expect(readdirSync(join(prefix, 'var/lib/nats'))).toEqual(['jetstream']);
      expect((await run(first, '--uninstall', '--purge')).status).toBe(0);
      expect(existsSync(prefix)).toBe(false);
    });
  });

  describe('on a first installation with the hub away', () => {
    beforeAll(() => laboratory.hub!.stop());

    it('leaves the server running for the site and exits with 3', async () => {
      const { status, stderr } = await run(first, '--timeout', '8');
      expect(stderr).toContain(`serves the site's clients, but is not connected to ${laboratory.upstreamUrl} yet`);
      expect(status).toBe(3);
      const collector = await laboratory.collector();
      await collector.flush();
    });

    it('does not wait with --no-wait', async () => {
      const { status, stdout } = await run(first, '--no-wait');
      expect(stdout).toContain('Whether it is connected was not checked.');
      expect(status).toBe(0);
    });

    it('says with --check what is wrong', async () => {
      const { status, stdout } = await run(first, '--check');
      expect(stdout).toMatch(/^running +good /m);
      expect(stdout).toMatch(/^connected +bad +no link to /m);
      expect(status).toBe(1);
    });

    it('connects by itself when the hub is there', async () => {
      await laboratory.startHub();
      await until('the leaf is connected', async () => ((await laboratory.linksToHub()) === 1 ? true : undefined));
      expect((await run(first)).status).toBe(0);
    });

    it('refuses to start beside a server that answers on its monitoring port', async () => {
      const elsewhere = join(laboratory.dir, 'another');
      const { status, stderr } = await laboratory.setup(first, ['--prefix', elsewhere]);
      expect(stderr).toContain(`Another program answers on 127.0.0.1:${laboratory.monitorPort}`);
      expect(status).toBe(1);
      expect(existsSync(join(elsewhere, 'etc/nats'))).toBe(false);
    });

    it('stops with --stop', async () => {
      expect((await run(first, '--stop')).status).toBe(0);
      await expect(laboratory.leaf('/healthz')).rejects.toThrow();
    });

    it('installs without starting it with --no-start', async () => {
      const second = await laboratory.bundle({ generation: 2 });
      const { status, stdout } = await run(second, '--no-start');
      expect(stdout).toContain('and was not started.');
      expect(status).toBe(0);
      await expect(laboratory.leaf('/healthz')).rejects.toThrow();
    });
  });
});

/** The configuration as bundles had it before leaves could learn of revoked users. */
const withoutControlLink = (conf: string): string =>
  conf.replace(/^resolver: \{[^}]*\}$/m, 'resolver: "MEMORY"').replace(/^ {4}\{\n(?:(?!^ {4}\{)[^])*?control\.creds[^]*?^ {4}\}\n/m, '');
