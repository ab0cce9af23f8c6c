import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configChecksum, installedFilesOf, type InstalledFiles } from './running-configuration.js';

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

const CONF = `listen: "0.0.0.0:4222"\ntls {\n  cert_file: "/etc/nats/certs/nats-server.pem"\n}\npid_file: "/run/nats/nats-leaf.pid"\n`;
const SUMS = `${sha256('readme')}  README.md\n${sha256('certificate')}  nats/certs/nats-server.pem\n${sha256(CONF)}  nats/nats-leaf.conf\n`;

let root: string;
let installed: InstalledFiles;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'a"b $(touch x) '));
  const directory = join(root, 'etc/nats');
  mkdirSync(join(directory, 'certs'), { recursive: true });
  installed = { directory, checksums: 'SHA256SUMS', files: { 'nats/nats-leaf.conf': 'nats-leaf.conf', 'nats/certs/nats-server.pem': 'certs/nats-server.pem' } };
  write('SHA256SUMS', SUMS);
  write('certs/nats-server.pem', 'certificate');
  write('nats-leaf.conf', prefixed(CONF));
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(installed.directory, name), text);
const read = (name: string) => readFileSync(join(installed.directory, name), 'utf8');
/** As setup.sh --prefix does it. */
const prefixed = (conf: string) => `${conf.replaceAll('"/etc/', `"${root.replaceAll('"', '\\"')}/etc/`).replaceAll('"/run/', `"${root.replaceAll('"', '\\"')}/run/`)}logfile_size_limit: 10485760\n`;

describe('the checksum of what a leaf runs with', () => {
  it('is that of the bundle as long as nobody has changed anything', async () => {
    expect(await configChecksum(installed)).toBe(sha256(SUMS));
  });

  it('is another once a file is', async () => {
    write('nats-leaf.conf', read('nats-leaf.conf').replace('0.0.0.0', '127.0.0.1'));
    const changed = await configChecksum(installed);
    expect(changed).toMatch(/^[0-9a-f]{64}$/);
    expect(changed).not.toBe(sha256(SUMS));
    write('nats-leaf.conf', prefixed(CONF));
    write('certs/nats-server.pem', 'another');
    expect(await configChecksum(installed)).not.toBe(sha256(SUMS));
  });

  it('is another once a file is gone', async () => {
    rmSync(join(installed.directory, 'certs/nats-server.pem'));
    expect(await configChecksum(installed)).not.toBe(sha256(SUMS));
  });

  it('is that of the installed bundle where the agent may not read a file', async () => {
    // A directory is as unreadable to root as a key is to the agent.
    rmSync(join(installed.directory, 'certs/nats-server.pem'));
    mkdirSync(join(installed.directory, 'certs/nats-server.pem'));
    chmodSync(join(installed.directory, 'certs/nats-server.pem'), 0o000);
    expect(await configChecksum(installed)).toBe(sha256(SUMS));
  });

  it('is the same by another way to the same directory', async () => {
    symlinkSync(installed.directory, join(root, 'link'));
    expect(await configChecksum({ ...installed, directory: join(root, 'link') })).toBe(sha256(SUMS));
  });

  it('is none where nothing was installed', async () => {
    expect(await configChecksum({ ...installed, directory: join(root, 'nowhere') })).toBeNull();
  });
});

describe('what a check says of the files', () => {
  const of = (settings: Record<string, string>) => installedFilesOf({ settings } as Parameters<typeof installedFilesOf>[0]);

  it('counts, where it says something', () => {
    const files = { 'nats/nats-leaf.conf': 'nats-leaf.conf' };
    expect(of({})).toEqual({ directory: '/etc/nats', checksums: 'SHA256SUMS', files });
    expect(of({ config_dir: '/srv', checksums_file: 'SUMS', config_files: '{"a": "b"}' })).toEqual({ directory: '/srv', checksums: 'SUMS', files: { a: 'b' } });
    expect(of({ config_files: 'no JSON' }).files).toEqual(files);
  });

  it('leads nowhere else', () => {
    expect(of({ config_files: '{"a": "../../root/.ssh/id", "b": "/etc/shadow", "c": 1, "d": "creds/d"}' }).files).toEqual({ d: 'creds/d' });
  });
});
