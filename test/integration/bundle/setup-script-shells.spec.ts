import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { NATS_VERSIONS } from '../nats/nats-server.js';
import { Laboratory } from './laboratory.js';

describe.each([
  { name: 'dash', shell: ['dash'], tools: undefined },
  { name: 'busybox, with no tool but curl beside it', shell: ['sh'], tools: ['busybox', '--install', '-s'] },
])('setup.sh in $name', ({ shell, tools }) => {
  let laboratory: Laboratory;
  beforeAll(async () => {
    laboratory = await Laboratory.open(NATS_VERSIONS[1]!);
    await laboratory.startHub();
  });
  afterAll(() => laboratory.close());

  it('installs, updates, checks and removes', async () => {
    let env = {};
    if (tools) {
      const bin = join(laboratory.dir, 'bin');
      mkdirSync(bin);
      execFileSync(tools[0]!, [...tools.slice(1), bin]);
      // Its own wget crashes where glibc is linked statically (Debian 12).
      symlinkSync(execFileSync('sh', ['-c', 'command -v curl'], { encoding: 'utf8' }).trim(), join(bin, 'curl'));
      env = { PATH: bin };
    }
    const args = ['--prefix', join(laboratory.dir, 'prefix')];
    const [first, second] = [await laboratory.bundle({ generation: 1 }), await laboratory.bundle({ generation: 2 })];
    expect(await laboratory.setup(first, args, { shell, env })).toMatchObject({ status: 0, stderr: '' });
    expect(await laboratory.setup(second, args, { shell, env })).toMatchObject({ status: 0, stderr: '' });
    expect(await laboratory.setup(second, [...args, '--check'], { shell, env })).toMatchObject({ status: 0, stderr: '' });
    expect(await laboratory.setup(second, [...args, '--uninstall'], { shell, env })).toMatchObject({ status: 0, stderr: '' });
  });
});
