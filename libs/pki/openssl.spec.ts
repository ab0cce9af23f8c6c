import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildCrl, type Issuer, parseCertificate, planAgent, planCollector, planLeaf, planLeafListener, planService, REVOCATION_REASONS, type RevokedCertificate } from './index.js';
import { encodePem } from './pem.js';
import { issueTo, signAltered, subjectAltName, TestAuthority } from './test-authority.js';

const run = promisify(execFile);
const acme = new TestAuthority('acme');
const names = { tenant: 'acme', site: 'nyc', issuer: acme.tenant };

let directory: string;
beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'pki-'))));
afterAll(() => rm(directory, { recursive: true }));

const terms = (number: number) => {
  const thisUpdate = acme.context.clock.now();
  return { number, thisUpdate, nextUpdate: new Date(thisUpdate.getTime() + 86_400_000) };
};
const crlPem = (issuer: Issuer, revoked: RevokedCertificate[] = []): string => encodePem('X509 CRL', buildCrl(issuer, revoked, terms(1)));

interface Verification {
  certificatePem: string;
  issuer?: Issuer;
  purpose: 'sslclient' | 'sslserver';
  revoked?: RevokedCertificate[];
  extra?: string[];
}

/** What OpenSSL says of a certificate, strictly and with the CRL of every CA above it. */
async function verify({ certificatePem, issuer = acme.tenant, purpose, revoked, extra = [] }: Verification): Promise<string> {
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };
  const root = await file('root.pem', acme.root.certificatePem);
  const untrusted = await file('issuer.pem', issuer.certificatePem);
  const crls = await file('crls.pem', crlPem(acme.root) + crlPem(issuer, revoked));
  const certificate = await file('certificate.pem', certificatePem);
  const options = ['-x509_strict', '-crl_check_all', '-purpose', purpose, '-CAfile', root, '-untrusted', untrusted, '-CRLfile', crls];
  return run('openssl', ['verify', ...options, ...extra, certificate]).then(
    ({ stdout }) => stdout.replace(`${certificate}: `, '').trim(),
    (error: { stderr: string }) => error.stderr,
  );
}

describe('OpenSSL, strict and with every CRL,', () => {
  const leaf = issueTo(planLeaf(names, acme.context), acme.tenant);
  const listener = issueTo(planLeafListener({ ...names, hosts: ['nats.acme.example', '10.0.0.7', '2001:db8::7'] }, acme.context), acme.tenant);
  const collector = issueTo(planCollector({ ...names, name: 'flow' }, acme.context), acme.tenant);
  const agent = issueTo(planAgent({ ...names, agentId: 'a1' }, acme.context), acme.tenant);
  const unnamed = issueTo(planLeaf({ ...names, site: 's'.repeat(63) }, acme.context), acme.tenant);
  const hub = issueTo(planService({ service: 'nats-hub', hosts: ['hub.example.com'], issuer: acme.services }, acme.context), acme.services);

  it.each<[string, Verification]>([
    ['a leaf as a client', { ...leaf, purpose: 'sslclient' }],
    ['a leaf without a common name as a client', { ...unnamed, purpose: 'sslclient' }],
    ['a listener as a server', { ...listener, purpose: 'sslserver' }],
    ['a listener by a DNS name', { ...listener, purpose: 'sslserver', extra: ['-verify_hostname', 'nats.acme.example'] }],
    ['a listener by an IPv4 address', { ...listener, purpose: 'sslserver', extra: ['-verify_ip', '10.0.0.7'] }],
    ['a listener by an IPv6 address', { ...listener, purpose: 'sslserver', extra: ['-verify_ip', '2001:db8::7'] }],
    ['a collector as a client', { ...collector, purpose: 'sslclient' }],
    ['a collector as a server', { ...collector, purpose: 'sslserver' }],
    ['an agent as a client', { ...agent, purpose: 'sslclient' }],
    ['the hub as a server', { ...hub, issuer: acme.services, purpose: 'sslserver' }],
    ['the hub as a client', { ...hub, issuer: acme.services, purpose: 'sslclient' }],
    ['a leaf beside one that is revoked', { ...leaf, purpose: 'sslclient', revoked: [revocationOf(collector.serialNumber)] }],
  ])('accepts %s', async (_what, verification) => expect(await verify(verification)).toBe('OK'));

  it.each<[string, Verification, string]>([
    ['a leaf as a server', { ...leaf, purpose: 'sslserver' }, 'unsuitable certificate purpose'],
    ['a listener as a client', { ...listener, purpose: 'sslclient' }, 'unsuitable certificate purpose'],
    ['a listener by another name', { ...listener, purpose: 'sslserver', extra: ['-verify_hostname', 'x.acme.example'] }, 'hostname mismatch'],
    ['a revoked leaf', { ...leaf, purpose: 'sslclient', revoked: [revocationOf(leaf.serialNumber)] }, 'certificate revoked'],
    ['a leaf under a CA that did not sign it', { ...leaf, issuer: acme.services, purpose: 'sslclient' }, 'unable to get local issuer certificate'],
  ])('refuses %s', async (_what, verification, why) => expect(await verify(verification)).toContain(why));

  it("refuses an identity of another trust domain, though the tenant's CA signed it", async () => {
    const foreign = (id: string): string =>
      encodePem(
        'CERTIFICATE',
        signAltered(parseCertificate(agent.certificatePem).der, acme.tenantKey, (certificate) => {
          const rest = certificate.extensions?.filter(({ extnID }) => extnID !== '2.5.29.17') ?? [];
          certificate.extensions = [...rest, subjectAltName([id])];
        }),
      );
    expect(await verify({ certificatePem: foreign('spiffe://other.local/agent/acme/nyc/a1'), purpose: 'sslclient' })).toContain('permitted subtree violation');
    expect(await verify({ certificatePem: foreign('spiffe://serviceradar.local/agent/acme/nyc/a2'), purpose: 'sslclient' })).toBe('OK');
  });
});

describe('a CRL', () => {
  const revokedAt = new Date('2026-01-02T03:04:05.678Z');
  const print = async (revoked: RevokedCertificate[], number = 1): Promise<string> => {
    const file = join(directory, 'list.crl');
    await writeFile(file, buildCrl(acme.tenant, revoked, terms(number)));
    return (await run('openssl', ['crl', '-inform', 'DER', '-in', file, '-noout', '-text'])).stdout;
  };

  it('is read by OpenSSL as what was revoked, when and why', async () => {
    const text = await print(REVOCATION_REASONS.map((reason, index) => ({ serialNumber: `4${index}`.padEnd(32, 'a'), revokedAt, reason })));
    const entries = text.split('Serial Number: ').slice(1).map((entry) => /^(\w+)[^:]*Revocation Date: (.* GMT)(?:[^]*?Reason Code: \n\s+([\w ]+))?/.exec(entry)?.slice(1));
    const why = ['Key Compromise', 'CA Compromise', 'Affiliation Changed', 'Superseded', 'Cessation Of Operation', 'Certificate Hold', 'Privilege Withdrawn', 'AA Compromise'];
    expect(entries).toEqual([undefined, ...why].map((reason, index) => [`4${index}`.padEnd(32, 'A'), 'Jan  2 03:04:05 2026 GMT', reason]));
  });

  it('is of version 2, with its number and the key of its issuer', async () => {
    const text = await print([], Number.MAX_SAFE_INTEGER);
    const key = acme.tenant.certificate.subjectKeyIdentifier?.toUpperCase().match(/../g)?.join(':');
    expect(text).toContain('Version 2');
    expect(text).toContain('No Revoked Certificates');
    expect(text).toMatch(/CRL Number: \n\s+(9007199254740991|0x1FFFFFFFFFFFFF)\n/);
    expect(text).toContain(key);
  });

  it.each<[string, () => unknown]>([
    ['a negative number', () => buildCrl(acme.tenant, [], terms(-1))],
    ['a number that is not whole', () => buildCrl(acme.tenant, [], terms(1.5))],
    ['a successor that comes before it', () => buildCrl(acme.tenant, [], { number: 1, thisUpdate: revokedAt, nextUpdate: revokedAt })],
  ])('is refused with %s', (_what, build) => expect(build).toThrow(expect.objectContaining({ code: 'profile_violation' })));
});

function revocationOf(serialNumber: string): RevokedCertificate {
  return { serialNumber, revokedAt: new Date('2026-01-01T00:00:00Z'), reason: 'superseded' };
}
