import { execFileSync } from 'node:child_process';
import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCertificate } from './certificate.js';
import { withSignature } from './encoding.js';
import type { KeyPair } from './keys.js';

/** What OpenSSL is asked to sign; whatever is left out is as in a good collector's certificate of `acme`. */
export interface Forgery {
  /** As `-subj` takes it: slashes between the attributes, `+` within a set of them. */
  subject?: string;
  /** Lines of an extension section (x509v3_config(5)). */
  extensions?: Record<string, string | undefined>;
  /** As `-newkey` and `-pkeyopt` take them. */
  key?: string[];
  digest?: 'sha256' | 'sha1' | 'sha384';
  /** YYYYMMDDHHMMSSZ. */
  notBefore?: string;
  notAfter?: string;
  /** Hexadecimal. */
  serialNumber?: string;
}

export interface OpensslAuthority {
  certificatePem: string;
  keyPem: string;
}

const GOOD: Record<string, string> = {
  basicConstraints: 'critical,CA:FALSE',
  keyUsage: 'critical,digitalSignature',
  extendedKeyUsage: 'clientAuth,serverAuth',
  subjectAltName: 'URI:spiffe://serviceradar.local/collector/acme/nyc/flow,DNS:flow.nyc.acme.serviceradar',
  subjectKeyIdentifier: 'hash',
  authorityKeyIdentifier: 'keyid:always',
};

/** For tests: OpenSSL as a CA that signs whatever it is told. */
export class HostileOpenssl {
  readonly #directory = mkdtempSync(join(tmpdir(), 'hostile-'));
  #count = 0;

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }

  /** A certificate, and the key that belongs to it, in PEM. */
  issue(authority: OpensslAuthority, forgery: Forgery = {}): OpensslAuthority {
    const { subject = '/O=acme/CN=flow.nyc.acme.serviceradar', extensions = {}, digest = 'sha256' } = forgery;
    const { key = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], serialNumber = '4142434445464748494a4b4c4d4e4f50' } = forgery;
    const { notBefore = '20260101000000Z', notAfter = '20280101000000Z' } = forgery;
    const name = `${++this.#count}`;
    const file = (suffix: string, text?: string): string => {
      const path = join(this.#directory, `${name}.${suffix}`);
      if (text !== undefined) writeFileSync(path, text);
      return path;
    };
    const lines = Object.entries({ ...GOOD, ...extensions }).flatMap(([oid, value]) => (value === undefined ? [] : [`${oid}=${value}`]));
    const config = file(
      'conf',
      [
        ...['string_mask=utf8only', '[req]', 'distinguished_name=dn', 'string_mask=utf8only', '[dn]', '[ca]', 'default_ca=d', '[d]', `new_certs_dir=${this.#directory}`],
        ...[`database=${file('index', '')}`, `serial=${file('serial', `${serialNumber}\n`)}`, `policy=p`, 'unique_subject=no', 'email_in_dn=yes', '[p]'],
        ...['organizationName=optional', 'commonName=optional', 'countryName=optional', '[x]', ...lines],
      ].join('\n'),
    );
    const run = (...args: string[]) => execFileSync('openssl', args, { cwd: this.#directory, stdio: ['ignore', 'pipe', 'pipe'] });
    run('req', '-new', '-config', config, '-utf8', '-subj', subject, '-newkey', ...key, '-nodes', '-keyout', file('key'), '-out', file('csr'));
    const by = ['-cert', file('ca', authority.certificatePem), '-keyfile', file('cakey', authority.keyPem)];
    const dates = ['-startdate', notBefore, '-enddate', notAfter];
    const what = ['-preserveDN', '-extensions', 'x', '-md', digest, '-in', file('csr'), '-out', file('pem')];
    run('ca', '-batch', '-notext', '-config', config, ...by, ...dates, ...what);
    return { certificatePem: readFileSync(file('pem'), 'utf8'), keyPem: readFileSync(file('key'), 'utf8') };
  }
}

/** Signs what is signed of a certificate again, after its octets were changed: what no tool would encode, an attacker can. */
export function signChanged(certificatePem: string, { privateKeyPem }: Pick<KeyPair, 'privateKeyPem'>, change: (tbs: Buffer) => Buffer): Buffer {
  const tbs = change(Buffer.from(parseCertificate(certificatePem).tbs));
  return withSignature(tbs, sign('sha256', tbs, createPrivateKey(privateKeyPem.reveal())));
}
