import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '#libs/kernel';
import { createKeyPair } from '#libs/nats';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Laboratory } from './laboratory.js';
import type { Outcome } from './run-script.js';

const version = NATS_VERSIONS[1]!;

describe('setup.sh', () => {
  let laboratory: Laboratory;
  let bin: string;
  const connectedUsers: string[] = [];

  const prefix = (): string => join(laboratory.dir, 'prefix');
  const run = (bundle: string, ...args: string[]): Promise<Outcome> =>
    laboratory.setup(bundle, ['--prefix', prefix(), ...args], { env: { PATH: `${bin}:${process.env.PATH}` } });
  /** Puts a program before the one of that name, which it finds as `$real`. */
  const replace = (program: string, script: string): void => {
    const path = JSON.stringify(process.env.PATH);
    writeFileSync(join(bin, program), `#!/bin/sh\nreal=$(PATH=${path} command -v ${program})\n${script}\n`, { mode: 0o755 });
  };

  beforeAll(async () => {
    laboratory = await Laboratory.open(version);
    bin = join(laboratory.dir, 'bin');
    await laboratory.startHub();
    await laboratory.onLeafConnected((publicKey) => connectedUsers.push(publicKey));
  });

  afterAll(() => laboratory.close());

  beforeEach(() => mkdirSync(bin));
  afterEach(() => rmSync(bin, { recursive: true }));

  describe('on a machine whose clock leaps', () => {
    it('waits for the server to start', async () => {
      writeFileSync(join(bin, 'leaps'), '0');
      replace('date', `leaps=$(($(cat '${bin}/leaps') + 10)); echo $leaps >'${bin}/leaps'; echo $(($("$real" +%s) + leaps))`);
      const { status, stderr } = await run(await laboratory.bundle({ generation: 1 }), '--timeout', '99999');
      expect(stderr).toBe('');
      expect(status).toBe(0);
    });
  });

  if (version.isolatesLeafnodeInterest) {
    describe('with a server that stands still when it is to renew its link', () => {
      it('gives the link the new user', async () => {
        replace('curl', `echo "$*" >>'${bin}/requests'; exec "$real" "$@"`);
        const requests = () => readFileSync(join(bin, 'requests'), 'utf8').trim().split('\n').length;
        const user = createKeyPair('user', systemRandom);
        const second = await laboratory.bundle({ generation: 2, user });
        const pid = Number(readFileSync(join(prefix(), 'run/nats/nats-leaf.pid'), 'utf8'));

        process.kill(pid, 'SIGSTOP');
        const running = run(second);
        await until('one request has ended without an answer', () => requests() > 1);
        process.kill(pid, 'SIGCONT');

        expect(await running).toMatchObject({ status: 0, stderr: '' });
        await until('the hub has seen the new user', () => connectedUsers.includes(user.publicKey));
      });
    });
  }
});
