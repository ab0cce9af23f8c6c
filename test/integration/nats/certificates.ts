import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificateFiles {
  /** Certificate and the CAs below the root. */
  cert: string;
  key: string;
}

/** Certificates of a hub, a tenant and a second tenant, made by openssl (P-256) in `dir`. */
export interface Certificates {
  rootCa: string;
  tenantCa: string;
  /** Tenant CA and root: what a client of the leaf verifies it with. */
  chain: string;
  hub: CertificateFiles;
  leaf: CertificateFiles;
  leafListener: CertificateFiles;
  collector: CertificateFiles;
  /** Of the second tenant's CA, which is under the same root. */
  stranger: CertificateFiles;
}

interface Issued extends CertificateFiles {
  chain: string[];
}

const LOCAL_NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1';

export function makeCertificates(dir: string): Certificates {
  mkdirSync(dir, { recursive: true });
  const ca = ['basicConstraints=critical,CA:true', 'keyUsage=critical,keyCertSign,cRLSign'];
  const server = ['extendedKeyUsage=serverAuth,clientAuth', LOCAL_NAMES];
  const client = ['extendedKeyUsage=clientAuth', LOCAL_NAMES];
  const root = issue(dir, 'root', ca);
  const tenant = issue(dir, 'tenant', ca, root);
  const foreign = issue(dir, 'foreign', ca, root);
  return {
    rootCa: root.cert,
    tenantCa: bundle(dir, 'tenant-ca', [tenant.chain[0]!]),
    chain: bundle(dir, 'ca-chain', [tenant.chain[0]!, root.chain[0]!]),
    hub: issue(dir, 'hub', server, root),
    leaf: issue(dir, 'leaf', client, tenant),
    leafListener: issue(dir, 'listener', server, tenant),
    collector: issue(dir, 'collector', client, tenant),
    stranger: issue(dir, 'stranger', client, foreign),
  };
}

function issue(dir: string, name: string, extensions: string[], issuer?: Issued): Issued {
  const key = join(dir, `${name}-key.pem`);
  const single = join(dir, `${name}-only.pem`);
  const signer = issuer ? ['-CA', issuer.cert, '-CAkey', issuer.key] : [];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`]
      .concat(['-keyout', key, '-out', single], signer)
      .concat(extensions.flatMap((extension) => ['-addext', extension])),
    { stdio: 'pipe' },
  );
  const chain = [readFileSync(single, 'utf8'), ...(issuer?.chain ?? [])];
  // The root is left out of what is sent, except of its own file.
  return { key, chain, cert: bundle(dir, name, issuer ? chain.slice(0, -1) : chain) };
}

function bundle(dir: string, name: string, certificates: string[]): string {
  const path = join(dir, `${name}.pem`);
  writeFileSync(path, certificates.join(''));
  return path;
}
