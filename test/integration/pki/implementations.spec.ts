import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Issuer, joinChain, parseCertificate, planAgent, planCollector, planLeaf, planLeafListener, planService } from '#libs/pki';
import { issueTo, signAltered, subjectAltName, TestAuthority } from '../../../libs/pki/test-authority.js';
import { encodePem } from '../../../libs/pki/pem.js';
import { askGo } from '../go.js';

const acme = new TestAuthority('acme');
const names = { tenant: 'acme', site: 'nyc', issuer: acme.tenant };

interface Presented {
  certificatePem: string;
  issuer?: Issuer;
  purpose: 'clientAuth' | 'serverAuth';
  host?: string;
}

const leaf = issueTo(planLeaf(names, acme.context), acme.tenant);
const unnamed = issueTo(planLeaf({ ...names, site: 's'.repeat(63) }, acme.context), acme.tenant);
const listener = issueTo(planLeafListener({ ...names, hosts: ['nats.acme.example', '10.0.0.7', '2001:db8::7'] }, acme.context), acme.tenant);
const collector = issueTo(planCollector({ ...names, name: 'flow', hostname: 'flow.acme.example' }, acme.context), acme.tenant);
const agent = issueTo(planAgent({ ...names, agentId: 'a1' }, acme.context), acme.tenant);
const hub = issueTo(planService({ service: 'nats-hub', hosts: ['hub.example.com'], issuer: acme.services }, acme.context), acme.services);

const foreign = encodePem(
  'CERTIFICATE',
  signAltered(parseCertificate(agent.certificatePem).der, acme.tenantKey, (certificate) => {
    const others = certificate.extensions?.filter(({ extnID }) => extnID !== '2.5.29.17') ?? [];
    certificate.extensions = [...others, subjectAltName(['spiffe://other.local/agent/acme/nyc/a1'])];
  }),
);

const ACCEPTED: [string, Presented][] = [
  ['a leaf as a client', { ...leaf, purpose: 'clientAuth' }],
  ['a leaf without a common name as a client', { ...unnamed, purpose: 'clientAuth' }],
  ['a listener by a DNS name', { ...listener, purpose: 'serverAuth', host: 'nats.acme.example' }],
  ['a listener by an IPv4 address', { ...listener, purpose: 'serverAuth', host: '10.0.0.7' }],
  ['a listener by an IPv6 address', { ...listener, purpose: 'serverAuth', host: '2001:db8::7' }],
  ['a collector as a client', { ...collector, purpose: 'clientAuth' }],
  ['a collector as a server', { ...collector, purpose: 'serverAuth', host: 'flow.acme.example' }],
  ['an agent as a client', { ...agent, purpose: 'clientAuth' }],
  ['the hub as a client', { ...hub, issuer: acme.services, purpose: 'clientAuth' }],
  ['the hub as a server', { ...hub, issuer: acme.services, purpose: 'serverAuth', host: 'hub.example.com' }],
];

const REFUSED: [string, Presented][] = [
  ['a leaf as a server', { ...leaf, purpose: 'serverAuth' }],
  ['a listener as a client', { ...listener, purpose: 'clientAuth' }],
  ['a listener by another name', { ...listener, purpose: 'serverAuth', host: 'other.acme.example' }],
  ['a leaf under a CA that did not sign it', { ...leaf, issuer: acme.services, purpose: 'clientAuth' }],
];

/** GnuTLS takes it: it passes over name constraints of URIs. `verifyIdentity` judges them itself. */
const REFUSED_FOR_ITS_URI: [string, Presented] = ['an identity of another trust domain', { certificatePem: foreign, purpose: 'clientAuth' }];

describe('a certificate of ours', () => {
  let directory: string;
  beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'implementations-'))));
  afterAll(() => rmSync(directory, { recursive: true }));

  /** GnuTLS with its profile of 128 bits; `Verified` when all is well. */
  function gnutls({ certificatePem, issuer = acme.tenant, purpose, host }: Presented): Promise<string> {
    const [chain, root] = [join(directory, 'chain.pem'), join(directory, 'root.pem')];
    writeFileSync(chain, joinChain(certificatePem, issuer.certificatePem));
    writeFileSync(root, acme.root.certificatePem);
    const oid = { clientAuth: '1.3.6.1.5.5.7.3.2', serverAuth: '1.3.6.1.5.5.7.3.1' }[purpose];
    const named = host === undefined ? [] : ['--verify-hostname', host];
    const args = ['--verify', '--verify-profile', 'high', '--verify-purpose', oid, '--load-ca-certificate', root, '--infile', chain, ...named];
    return new Promise((resolve) => {
      execFile('certtool', args, (_error, stdout, stderr) => resolve(/^Chain verification output: (Verified|Not verified)\./m.exec(stdout)?.[1] ?? stdout + stderr));
    });
  }

  const asked = (presented: Presented) => {
    const { certificatePem, issuer = acme.tenant, purpose, host = '' } = presented;
    return { certificate: certificatePem, intermediates: issuer.certificatePem, root: acme.root.certificatePem, purpose, host };
  };

  describe('to GnuTLS', () => {
    it.each(ACCEPTED)('is good: %s', async (_what, presented) => expect(await gnutls(presented)).toBe('Verified'));
    it.each(REFUSED)('is not good: %s', async (_what, presented) => expect(await gnutls(presented)).toBe('Not verified'));
  });

  describe('to Go', () => {
    it.each(ACCEPTED)('is good: %s', (_what, presented) => expect(askGo({ certificates: [asked(presented)] }).certificates).toEqual(['OK']));
    it.each([...REFUSED, REFUSED_FOR_ITS_URI])('is not good: %s', (_what, presented) =>
      expect(askGo({ certificates: [asked(presented)] }).certificates).toEqual([expect.stringMatching(/^x509: /)]),
    );
  });

  describe('to Node', () => {
    it.each(ACCEPTED.filter(([, { issuer }]) => issuer === undefined))('was signed by its CA, and names its host: %s', (_what, { certificatePem, host }) => {
      const certificate = new X509Certificate(certificatePem);
      const authority = new X509Certificate(acme.tenant.certificatePem);
      expect(certificate.checkIssued(authority)).toBe(true);
      expect(certificate.verify(authority.publicKey)).toBe(true);
      if (host !== undefined) expect(/^[\d.]+$|:/.test(host) ? certificate.checkIP(host) : certificate.checkHost(host)).toBe(host);
    });
  });
});
