import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkServerIdentity } from 'node:tls';
import { type Outcome, run } from '../../lab/child.js';
import { temporaryDirectory } from '../../lab/temporary-directory.js';

describe('npm run hub:config', () => {
  const directory = temporaryDirectory();
  const dataDir = join(directory, 'data');
  const out = join(directory, 'hub');
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const write = (...args: string[]): Promise<Outcome> =>
    run(process.execPath, [resolve('dist/src/hub-config.js'), ...args], { env: { DATA_DIR: dataDir, NODE_ENV: 'test' } });
  const file = (name: string) => readFileSync(join(out, name), 'utf8');
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

  describe('when it is asked for help', () => {
    it('lists its options and writes nothing', async () => {
      const { code, output } = await write('--help');
      expect(code).toBe(0);
      for (const option of ['--out DIR', '--public-host HOST', '--force']) expect(output).toContain(option);
      expect(existsSync(dataDir)).toBe(false);
    });
  });

  describe('when it is called wrongly', () => {
    const hosts = ['--public-host', 'hub.example.com'];

    it.each([
      ['no options', [], '--out DIR and --public-host HOST are needed.'],
      ['no public host', ['--out', out], '--out DIR and --public-host HOST are needed.'],
      ['no directory', hosts, '--out DIR and --public-host HOST are needed.'],
      ['an option that is none', ['--out', out, ...hosts, '--port', '1'], '--port'],
      ['an option without its value', ['--public-host', 'hub.example.com', '--out'], '--out'],
      ['a bad --leaf-listen', ['--out', out, ...hosts, '--leaf-listen', 'everywhere'], '--leaf-listen must be host:port, not "everywhere".'],
      ['a bad --client-listen', ['--out', out, ...hosts, '--client-listen', ':0x'], '--client-listen must be host:port'],
      ['a bad --leaf-advertise', ['--out', out, ...hosts, '--leaf-advertise', 'hub:99999'], '--leaf-advertise must be host:port'],
    ])('says so for %s, and starts and writes nothing', async (_what, args, complaint) => {
      const { code, output } = await write(...args);
      expect(code).toBe(1);
      expect(output).toContain(complaint);
      expect(output).toContain('--help');
      expect(output).not.toMatch(/^ {4}at /m);
      expect([out, dataDir].filter(existsSync)).toEqual([]);
    });
  });

  describe('when all is there', () => {
    let said: Outcome;
    beforeAll(async () => {
      said = await write('--out', out, '--public-host', 'hub.example.com', '--public-host', '192.0.2.1');
    });

    it('writes the files, and says how to start the hub and what to tell the control plane', () => {
      expect(said.code).toBe(0);
      for (const name of ['nats-hub.conf', 'nats-hub.pem', 'nats-hub-key.pem', 'root-ca.pem', 'README.md']) {
        expect([name, existsSync(join(out, name))]).toEqual([name, true]);
      }
      expect(said.output).toContain(`nats-server -c ${join(out, 'nats-hub.conf')}`);
      expect(said.output).toContain('NATS_LEAF_UPSTREAM_URL=tls://hub.example.com:7422');
    });

    it('keeps the private key to its owner, and shows it to nobody', () => {
      expect(modeOf(join(out, 'nats-hub-key.pem'))).toBe('600');
      expect(modeOf(join(out, 'nats-hub.conf'))).toBe('600');
      expect(modeOf(out)).toBe('700');
      expect(said.output).not.toContain('PRIVATE KEY');
    });

    it('names all public hosts in the certificate', () => {
      const certificate = new X509Certificate(file('nats-hub.pem'));
      expect(certificate.checkHost('hub.example.com')).toBe('hub.example.com');
      expect(certificate.checkIP('192.0.2.1')).toBe('192.0.2.1');
    });

    it.each([
      ['10.0.0.5:4222', 'tls://10.0.0.5:4222', true],
      ['[::]:4222', 'tls://hub.example.com:4222', true],
      ['[::1]:4222', 'nats://[::1]:4222', false],
      ['localhost:4222', 'nats://localhost:4222', false],
    ])('tells the control plane how to reach clients’ listener on %s, which the certificate names if it is TLS', async (listen, url, tls) => {
      const elsewhere = join(directory, `hub on ${listen}`);
      const { output } = await write('--out', elsewhere, '--public-host', 'hub.example.com', '--client-listen', listen);
      expect(output).toContain(`NATS_URL=${url}\n`);
      const certificate = new X509Certificate(readFileSync(join(elsewhere, 'nats-hub.pem')));
      if (tls) expect(checkServerIdentity(new URL(url).hostname, certificate.toLegacyObject())).toBeUndefined();
      expect(readFileSync(join(elsewhere, 'nats-hub.conf'), 'utf8').split('leafnodes')[0]!.includes('cert_file')).toBe(tls);
    });

    describe('and it is called again', () => {
      it('touches nothing without --force', async () => {
        const before = file('nats-hub.conf');
        const { code, output } = await write('--out', out, '--public-host', 'other.example.com');
        expect(code).toBe(1);
        expect(output).toContain('nats-hub.conf is there already; --force writes it again.');
        expect(file('nats-hub.conf')).toBe(before);
      });

      it('writes the configuration with --force, and keeps a certificate that is still good', async () => {
        const before = [file('nats-hub.pem'), file('nats-hub-key.pem')];
        const again = ['--out', out, '--public-host', 'hub.example.com', '--public-host', '192.0.2.1', '--force'];
        const { code } = await write(...again, '--server-name', 'renamed-hub');
        expect(code).toBe(0);
        expect(file('nats-hub.conf')).toContain('renamed-hub');
        expect([file('nats-hub.pem'), file('nats-hub-key.pem')]).toEqual(before);
        expect(modeOf(join(out, 'nats-hub-key.pem'))).toBe('600');
      });

      it('makes a certificate anew for other hosts', async () => {
        const before = file('nats-hub.pem');
        expect((await write('--out', out, '--public-host', 'other.example.com', '--force')).code).toBe(0);
        expect(file('nats-hub.pem')).not.toBe(before);
        expect(new X509Certificate(file('nats-hub.pem')).checkHost('other.example.com')).toBe('other.example.com');
      });
    });
  });
});
