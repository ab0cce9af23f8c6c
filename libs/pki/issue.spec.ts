import { X509Certificate } from 'node:crypto';
import { Secret } from '#libs/kernel';
import {
  type CertificateIntent, generateKeyPair, loadIssuer, parseCertificate, planAgent, planCollector, planLeaf, planLeafListener, planRootCa, planService, planServicesCa,
  planTenantCa, signCertificate, signRootCertificate,
} from './index.js';
import { issueTo, TestAuthority } from './test-authority.js';

const acme = new TestAuthority('acme');
const other = new TestAuthority('other');
const names = { tenant: 'acme', site: 'nyc', issuer: acme.tenant };
const refusal = { name: 'DomainError', code: 'profile_violation' };

describe('a signed certificate', () => {
  const intents: [string, CertificateIntent, 'root' | 'services' | 'tenant'][] = [
    ['services CA', planServicesCa({ issuer: acme.root }, acme.context), 'root'],
    ['tenant CA', planTenantCa({ tenant: 'acme', issuer: acme.root, crlUrl: 'https://sr.example/root.crl' }, acme.context), 'root'],
    ['leaf', planLeaf(names, acme.context), 'tenant'],
    ['leaf without a common name', planLeaf({ ...names, site: 's'.repeat(63) }, acme.context), 'tenant'],
    ['listener', planLeafListener({ ...names, hosts: ['nats.acme.example', '10.0.0.7', '2001:db8::7'], crlUrl: 'https://sr.example/crl' }, acme.context), 'tenant'],
    ['collector', planCollector({ ...names, name: 'flow', hostname: 'flow1' }, acme.context), 'tenant'],
    ['agent', planAgent({ ...names, agentId: 'a1' }, acme.context), 'tenant'],
    ['hub', planService({ service: 'nats-hub', hosts: ['hub.example.com', '127.0.0.1'], issuer: acme.services }, acme.context), 'services'],
  ];

  it.each(intents)('of a %s says what was planned, to this library and to OpenSSL in Node', (_kind, intent, by) => {
    const key = generateKeyPair();
    const signed = signCertificate(intent, key.publicKey, acme[by]);
    const { notBefore, notAfter, serialNumber } = intent;
    const x509 = new X509Certificate(signed.certificatePem);
    expect(signed).toMatchObject({ notBefore, notAfter, serialNumber });
    expect(signed.fingerprintSha256).toBe(x509.fingerprint256.replaceAll(':', '').toLowerCase());
    expect(x509.verify(new X509Certificate(acme[by].certificatePem).publicKey)).toBe(true);
    expect(x509.checkIssued(new X509Certificate(acme[by].certificatePem))).toBe(true);
    expect(x509).toMatchObject({ ca: intent.isCa, validFromDate: notBefore, validToDate: notAfter, serialNumber: serialNumber.toUpperCase() });
    expect(x509.subject).toBe([`O=${intent.organization}`, ...(intent.commonName ? [`CN=${intent.commonName}`] : [])].join('\n'));
    expect(x509.publicKey.export({ type: 'spki', format: 'der' })).toEqual(key.publicKey);
    for (const host of intent.dnsNames) expect(x509.checkHost(host)).toBe(host);
    for (const address of intent.ipAddresses) expect(x509.checkIP(address)).toBe(address);
    const { uris, dnsNames, ipAddresses, spiffeId, extendedKeyUsage } = parseCertificate(signed.certificatePem);
    expect({ dnsNames, ipAddresses, spiffeId, extendedKeyUsage }).toEqual({
      dnsNames: intent.dnsNames,
      ipAddresses: intent.ipAddresses,
      spiffeId: intent.spiffeId,
      extendedKeyUsage: intent.extendedKeyUsage,
    });
    expect(uris).toEqual(intent.spiffeId === undefined ? [] : [intent.spiffeId]);
  });

  it('names its attributes one after another, not in one set', () => {
    const { certificatePem } = issueTo(planLeaf(names, acme.context), acme.tenant);
    expect(parseCertificate(certificatePem).subject.attributes).toEqual(['2.5.4.10=acme', '2.5.4.3=leaf.nyc.acme.serviceradar']);
  });

  it('has its times in UTCTime to 2049 and in GeneralizedTime after', () => {
    const late = new TestAuthority('acme', { now: () => new Date('2049-06-01T00:00:00Z') });
    const { certificatePem } = issueTo(planLeaf({ ...names, issuer: late.tenant }, late.context), late.tenant);
    const x509 = new X509Certificate(certificatePem);
    expect(x509.raw.includes('\x17\x0d490531220000Z\x18\x0f20500601000000Z')).toBe(true);
    expect(x509).toMatchObject({ validFromDate: new Date('2049-05-31T22:00:00Z'), validToDate: new Date('2050-06-01T00:00:00Z') });
  });
});

describe('signing is refused', () => {
  const leaf = planLeaf(names, acme.context);
  const { publicKey } = generateKeyPair();

  it.each<[string, () => unknown]>([
    ["by another tenant's CA", () => signCertificate(leaf, publicKey, other.tenant)],
    ['of an end entity by the root', () => signCertificate(leaf, publicKey, acme.root)],
    ["of a service by a tenant's CA", () => signCertificate(planService({ service: 'nats-hub', hosts: ['hub'], issuer: acme.tenant }, acme.context), publicKey, acme.tenant)],
    ['of a CA by a CA of path length 0', () => signCertificate(planTenantCa({ tenant: 'acme', issuer: acme.tenant }, acme.context), publicKey, acme.tenant)],
    ['of a root by a CA', () => signCertificate(planRootCa(acme.context), publicKey, acme.root)],
    ['of what is no root by itself', () => signRootCertificate(leaf, generateKeyPair())],
    ['of a key that is not of P-256', () => signCertificate(leaf, Buffer.from('302a300506032b6570032100'.padEnd(88, '0'), 'hex'), acme.tenant)],
    ['past the end of the CA', () => signCertificate({ ...leaf, notAfter: new Date(acme.tenant.notAfter.getTime() + 1000) }, publicKey, acme.tenant)],
    ['of an identity in another trust domain', () => signCertificate({ ...leaf, spiffeId: 'spiffe://evil.example/nats_leaf/acme/nyc/leaf' }, publicKey, acme.tenant)],
    ["of another tenant's identity", () => signCertificate({ ...leaf, spiffeId: 'spiffe://serviceradar.local/nats_leaf/other/nyc/leaf' }, publicKey, acme.tenant)],
    ['of an intent that is no whole second', () => signCertificate({ ...leaf, notAfter: new Date(leaf.notAfter.getTime() + 1) }, publicKey, acme.tenant)],
    ['of a serial number that begins with zeros', () => signCertificate({ ...leaf, serialNumber: '00'.repeat(15).concat('01') }, publicKey, acme.tenant)],
  ])('%s', (_what, run) => expect(run).toThrow(expect.objectContaining(refusal)));
});

describe('an issuer', () => {
  const { certificatePem } = acme.tenant;
  const privateKeyPem = acme.tenantKey.privateKeyPem;
  const leaf = issueTo(planLeaf(names, acme.context), acme.tenant);

  it('is loaded from its certificate and key, and shows no key', () => {
    const issuer = loadIssuer({ certificatePem, privateKeyPem });
    expect(issuer).toMatchObject({ certificatePem, notAfter: acme.tenant.notAfter });
    expect(JSON.stringify({ issuer, key: acme.tenantKey })).not.toContain(privateKeyPem.reveal().split('\n')[1]);
  });

  it.each<[string, () => unknown]>([
    ['whose key belongs to another', () => loadIssuer({ certificatePem, privateKeyPem: generateKeyPair().privateKeyPem })],
    ['that is no CA', () => loadIssuer({ certificatePem: leaf.certificatePem, privateKeyPem: leaf.key.privateKeyPem })],
    ['of two certificates', () => loadIssuer({ certificatePem: certificatePem + acme.root.certificatePem, privateKeyPem })],
    ['of no certificate', () => loadIssuer({ certificatePem: privateKeyPem.reveal(), privateKeyPem })],
    ['of no key', () => loadIssuer({ certificatePem, privateKeyPem: new Secret(certificatePem) })],
  ])('%s is refused', (_what, run) => {
    expect(run).toThrow(expect.objectContaining({ name: 'DomainError', code: 'invalid_configuration' }));
  });
});
