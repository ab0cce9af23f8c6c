import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NATS_VERSIONS } from '../nats/nats-server.js';
import { Laboratory } from './laboratory.js';
import type { Outcome } from './run-script.js';

describe('setup.sh', () => {
  let laboratory: Laboratory;
  let prefix: string;
  let first: string;

  const run = (bundle: string, ...args: string[]): Promise<Outcome> => laboratory.setup(bundle, ['--prefix', prefix, ...args]);

  beforeAll(async () => {
    laboratory = await Laboratory.open(NATS_VERSIONS[1]!);
    prefix = join(laboratory.dir, 'prefix');
    first = await laboratory.bundle({ generation: 1 });
  });

  afterAll(() => laboratory.close());

  describe('with a file that is not as it was downloaded', () => {
    it.each(['nats/nats-leaf.conf', 'nats/certs/nats-leaf-key.pem', 'creds/tenant.creds', 'setup.sh', 'SHA256SUMS'])('refuses before it touches anything: %s', async (path) => {
      const tampered = await laboratory.bundle({ generation: 1 });
      appendFileSync(join(tampered, path), '\n');
      const { status, stderr } = await run(tampered);
      expect(status).toBe(1);
      expect(stderr).toMatch(/Nothing was changed\. Download the bundle again/);
      expect(existsSync(prefix)).toBe(false);
    });

    it('refuses when a file is missing, or missing from the list', async () => {
      const incomplete = await laboratory.bundle({ generation: 1 });
      const sums = readFileSync(join(incomplete, 'SHA256SUMS'), 'utf8');
      writeFileSync(join(incomplete, 'SHA256SUMS'), sums.split('\n').filter((line) => !line.endsWith('tenant.creds')).join('\n'));
      expect(await run(incomplete)).toMatchObject({ status: 1, stderr: expect.stringContaining('does not list creds/tenant.creds') });
      writeFileSync(join(incomplete, 'SHA256SUMS'), sums);
      rmSync(join(incomplete, 'creds/tenant.creds'));
      expect(await run(incomplete)).toMatchObject({ status: 1, stderr: expect.stringContaining('creds/tenant.creds is missing') });
      expect(existsSync(prefix)).toBe(false);
    });
  });

  describe('used wrongly', () => {
    it.each([[['--frobnicate']], [['extra']], [['--prefix']], [['--timeout', 'soon']], [['--timeout', '0']], [['--check', '--uninstall']], [['--purge']], [['--prefix', 'a\nb']], [['--prefix', 'a$b']]])('says how to use it: %j', async (args) => {
      const { status, stderr } = await laboratory.setup(first, args);
      expect(status).toBe(2);
      expect(stderr).toContain('--prefix DIR');
    });
  });

  describe('without a nats-server that is new enough', () => {
    it('refuses one of 2.9 and says where to get another', async () => {
      const old = join(laboratory.dir, 'nats-server-2.9');
      writeFileSync(old, '#!/bin/sh\necho "nats-server: v2.9.25"\n', { mode: 0o755 });
      const { status, stderr } = await run(first, '--nats-server', old);
      expect(status).toBe(1);
      expect(stderr).toMatch(/is version 2\.9\.25, which is too old\. Install nats-server 2\.10\.26 or newer: from your distribution/);
      expect(existsSync(join(prefix, 'etc'))).toBe(false);
    });

    it('refuses what is no nats-server', async () => {
      expect(await run(first, '--nats-server', '/bin/true')).toMatchObject({ status: 1, stderr: expect.stringContaining('does not say its version') });
    });
  });
});
