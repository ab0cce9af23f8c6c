import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findNatsServer } from './nats-server-binary.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nats-server-binary-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** A program that says what nats-server says when asked for its version. */
function place(path: string, version: string): string {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(file, 0o755);
  return file;
}

const find = (env: Record<string, string>) => findNatsServer({ env, cacheDirectory: join(directory, 'cache') });

const FETCHED = 'cache/nats-server/latest/usr/sbin/nats-server';

describe('findNatsServer', () => {
  describe('when NATS_SERVER is set', () => {
    it('takes it before any other', async () => {
      place(FETCHED, '2.15.1');
      const path = place('own/nats-server', '2.11.0');
      await expect(find({ NATS_SERVER: path })).resolves.toEqual({ path, version: '2.11.0' });
    });

    it.each(['2.9.10', '1.4.1'])('refuses version %s', async (version) => {
      const path = place('own/nats-server', version);
      await expect(find({ NATS_SERVER: path })).rejects.toThrow(`NATS_SERVER=${path} is version ${version}; 2.10 or newer is needed`);
    });

    it('refuses what is no nats-server, even if there is another', async () => {
      place(FETCHED, '2.15.1');
      await expect(find({ NATS_SERVER: '/bin/true' })).rejects.toThrow('NATS_SERVER=/bin/true is no nats-server');
    });
  });

  describe('when it is not set', () => {
    it('takes the fetched one', async () => {
      const path = place(FETCHED, '2.15.1');
      place('bin/nats-server', '2.11.0');
      await expect(find({ PATH: join(directory, 'bin') })).resolves.toEqual({ path, version: '2.15.1' });
    });

    it('takes the first on the PATH that is new enough', async () => {
      place('old/nats-server', '2.9.10');
      const path = place('bin/nats-server', '3.0.0-beta.1');
      const PATH = [join(directory, 'none'), join(directory, 'old'), join(directory, 'bin')].join(':');
      await expect(find({ PATH })).resolves.toEqual({ path, version: '3.0.0-beta.1' });
    });

    it('says which one was too old and what to do when there is no other', async () => {
      const path = place('old/nats-server', '2.9.10');
      await expect(find({ PATH: dirname(path) })).rejects.toMatchObject({
        code: 'invalid_configuration',
        message: expect.stringMatching(/nats-server is version 2\.9\.10.*scripts\/nats-server\.sh.*NATS_SERVER.*NATS_URL/),
      });
    });
  });
});
