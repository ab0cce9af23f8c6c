import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importedRoot } from '../../../src/pki/pki.module.js';
import { parseConfig } from '../../../src/platform/config/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { opensslVerify } from './openssl.js';

describe('a root CA of the operator’s own', () => {
  const directory = mkdtempSync(join(tmpdir(), 'serviceradar-root-'));
  const ROOT_CA_CERT_FILE = join(directory, 'root.pem');
  const ROOT_CA_KEY_FILE = join(directory, 'root-key.pem');
  let app: TestApp | undefined;

  beforeAll(() => {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', ROOT_CA_KEY_FILE);
    openssl('req', '-x509', '-new', '-key', ROOT_CA_KEY_FILE, '-days', '7300', '-subj', '/O=Acme/CN=Root', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-out', ROOT_CA_CERT_FILE);
  });

  afterAll(async () => {
    await app?.close();
    rmSync(directory, { recursive: true });
  });

  it.each([
    ['ROOT_CA_CERT_FILE', { ROOT_CA_CERT_FILE: join(directory, 'nowhere.pem'), ROOT_CA_KEY_FILE }],
    ['ROOT_CA_KEY_FILE', { ROOT_CA_CERT_FILE, ROOT_CA_KEY_FILE: join(directory, 'nowhere.pem') }],
  ])('is asked for when %s names a file that is not there', (name, env) => {
    const refused = { code: 'invalid_configuration', message: expect.stringContaining(`${name} names ${join(directory, 'nowhere.pem')}, which cannot be read`) };
    expect(() => importedRoot(parseConfig(env))).toThrow(expect.objectContaining(refused));
  });

  it('is read from its files, and is what the CAs of tenants chain to', async () => {
    app = await startTestApp({ ROLES: 'api', ROOT_CA_CERT_FILE, ROOT_CA_KEY_FILE });
    const { slug } = await app.tenant('Acme');
    const { body } = await app.admin.get<Buffer>(`/pki/tenants/${slug}/ca.pem`);
    const [tenantCa, root] = body.toString().match(/-----BEGIN[^]*?END CERTIFICATE-----\n/g)!;
    expect(root).toBe(readFileSync(ROOT_CA_CERT_FILE, 'utf8'));
    expect(await opensslVerify({ trusted: root!, certificate: tenantCa! })).toBe('OK');
  });
});
