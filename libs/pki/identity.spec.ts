import { contextTag, encodeConstructed, encodePrimitive, readDer, readElements, TAG } from './der.js';
import { generateKeyPair, parseCertificate, planAgent, planCollector, planLeaf, planTenantCa, type VerificationTerms, verifyIdentity } from './index.js';
import { decodeCertificate, encodePem } from './pem.js';
import { issueTo, TestAuthority } from './test-authority.js';
import { type Forgery, HostileOpenssl, type OpensslAuthority, signChanged } from './test-hostile.js';

const now = new Date('2026-11-26T12:00:00Z');
const clock = { now: () => now };
const acme = new TestAuthority('acme', clock);
const globex = new TestAuthority('globex', clock);
const authorityOf = ({ tenant, tenantKey }: TestAuthority): OpensslAuthority => ({ certificatePem: tenant.certificatePem, keyPem: tenantKey.privateKeyPem.reveal() });
const ours = authorityOf(acme);

const terms: VerificationTerms = {
  root: acme.root.certificate,
  authorities: [{ tenant: 'acme', certificate: acme.tenant.certificate }],
  purpose: 'clientAuth',
  now,
  record: undefined,
};

/** With the certificate on record, so that what refuses it is something else. */
function verify(presented: string | Buffer, changes: Partial<VerificationTerms> = {}) {
  let fingerprintSha256 = '';
  try {
    ({ fingerprintSha256 } = parseCertificate(presented));
  } catch {
    // Nothing that cannot be read is on record.
  }
  return verifyIdentity(presented, { ...terms, record: { fingerprintSha256, status: 'issued' }, ...changes });
}

const because = (reason: string) => expect.objectContaining({ name: 'DomainError', code: 'unauthenticated', context: { reason } });
const unreadable = (why: string) => expect.objectContaining({ name: 'DomainError', code: 'malformed_request', message: expect.stringContaining(why) });

const openssl = new HostileOpenssl();
afterAll(() => openssl.close());
const forge = (forgery: Forgery, authority = ours): string => openssl.issue(authority, forgery).certificatePem;

describe('a certificate that was signed here', () => {
  const names = { tenant: 'acme', site: 'nyc', issuer: acme.tenant };

  it.each([
    ['a leaf', issueTo(planLeaf(names, acme.context), acme.tenant), { kind: 'nats_leaf', tenant: 'acme', site: 'nyc' }],
    ['a leaf without a common name', issueTo(planLeaf({ ...names, site: 's'.repeat(63) }, acme.context), acme.tenant), { kind: 'nats_leaf', tenant: 'acme', site: 's'.repeat(63) }],
    ['a collector', issueTo(planCollector({ ...names, name: 'flow' }, acme.context), acme.tenant), { kind: 'collector', tenant: 'acme', site: 'nyc', name: 'flow' }],
    ['an agent', issueTo(planAgent({ ...names, agentId: 'k8s_A.1' }, acme.context), acme.tenant), { kind: 'agent', tenant: 'acme', site: 'nyc', agentId: 'k8s_A.1' }],
  ])('proves who its holder is: %s', (_what, { certificatePem }, identity) => {
    expect(verify(certificatePem)).toMatchObject({ identity, authority: { tenant: 'acme' } });
  });

  it('does so under either CA of a tenant, while one takes the place of the other', () => {
    const nextKey = generateKeyPair();
    const next = acme.authority(planTenantCa({ tenant: 'acme', issuer: acme.root }, acme.context), nextKey);
    const authorities = [next, acme.tenant].map(({ certificate }) => ({ tenant: 'acme', certificate }));
    for (const issuer of [next, acme.tenant]) {
      const { certificatePem } = issueTo(planLeaf({ ...names, issuer }, acme.context), issuer);
      expect(verify(certificatePem, { authorities }).authority.certificate).toBe(issuer.certificate);
    }
  });
});

describe('a certificate that OpenSSL made', () => {
  it('is good when it is as one that is made here, so that each of the others is refused for the one thing that differs', () => {
    expect(verify(forge({})).identity).toEqual({ kind: 'collector', tenant: 'acme', site: 'nyc', name: 'flow' });
  });

  const san = (text: string): Forgery => ({ extensions: { subjectAltName: text } });
  const ID = 'spiffe://serviceradar.local/collector/acme/nyc/flow';
  const nul = (text: string, tag: number): string => `${tag.toString(16)}${text.length.toString(16).padStart(2, '0')}${Buffer.from(text, 'latin1').toString('hex')}`;
  const withUri = encodeConstructed([encodePrimitive(contextTag(6, 'primitive'), Buffer.from(ID)), Buffer.from(nul('a\0.serviceradar', 0x82), 'hex')]).toString('hex');

  it.each<[string, Forgery, string]>([
    ['a serial number of zero', { serialNumber: '00' }, 'serial_number'],
    ['a serial number of 21 octets', { serialNumber: '41'.repeat(21) }, 'serial_number'],
    ['a signature with SHA-1', { digest: 'sha1' }, 'algorithm'],
    ['a signature with another hash than ours', { digest: 'sha384' }, 'algorithm'],
    ['an RSA key of 1024 bits', { key: ['rsa:1024'] }, 'weak_key'],
    ['an RSA key of 2048 bits', { key: ['rsa:2048'] }, 'weak_key'],
    ['a key of another curve', { key: ['ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'] }, 'weak_key'],
    ['a critical extension that nobody knows', { extensions: { '1.2.3.4': 'critical,DER:0500' } }, 'unknown_critical_extension'],
    ['the rights of a CA', { extensions: { basicConstraints: 'critical,CA:TRUE' } }, 'is_a_ca'],
    ['the rights of a CA, with a path length', { extensions: { basicConstraints: 'critical,CA:TRUE,pathlen:0', keyUsage: 'critical,keyCertSign,cRLSign' } }, 'is_a_ca'],
    ['name constraints of its own', { extensions: { nameConstraints: 'permitted;URI:serviceradar.local' } }, 'is_a_ca'],
    ['the right to sign certificates', { extensions: { keyUsage: 'critical,digitalSignature,keyCertSign' } }, 'key_usage'],
    ['a key for encryption', { extensions: { keyUsage: 'critical,keyEncipherment' } }, 'key_usage'],
    ['no word on the use of its key', { extensions: { keyUsage: undefined } }, 'key_usage'],
    ['another purpose', { extensions: { extendedKeyUsage: 'codeSigning' } }, 'wrong_purpose'],
    ['the purpose of a server', { extensions: { extendedKeyUsage: 'serverAuth' } }, 'wrong_purpose'],
    ['any purpose', { extensions: { extendedKeyUsage: 'anyExtendedKeyUsage' } }, 'wrong_purpose'],
    ['no purpose', { extensions: { extendedKeyUsage: undefined } }, 'wrong_purpose'],
    ['an end that has passed', { notBefore: '20240101000000Z', notAfter: '20261126115959Z' }, 'expired'],
    ['a beginning that is to come', { notBefore: '20261126120001Z' }, 'not_yet_valid'],
    ['two SPIFFE IDs', san(`URI:${ID},URI:${ID}2`), 'several_identities'],
    ['the same SPIFFE ID twice', san(`URI:${ID},URI:${ID}`), 'several_identities'],
    ['a URI beside its SPIFFE ID', san(`URI:${ID},URI:https://x.example`), 'several_identities'],
    ['no SPIFFE ID', san('DNS:flow.nyc.acme.serviceradar'), 'no_identity'],
    ['no alternative name', { extensions: { subjectAltName: undefined } }, 'no_identity'],
    ['a SPIFFE ID of another trust domain', san('URI:spiffe://other.local/collector/acme/nyc/flow'), 'name_constraints'],
    ['a trust domain that only begins as ours', san('URI:spiffe://serviceradar.local.evil.example/collector/acme/nyc/flow'), 'name_constraints'],
    ['a trust domain in the place of a user', san('URI:spiffe://serviceradar.local@evil.example/collector/acme/nyc/flow'), 'name_constraints'],
    ['a SPIFFE ID with a port', san('URI:spiffe://serviceradar.local:443/collector/acme/nyc/flow'), 'name_constraints'],
    ['a URI of another scheme', san('URI:https://serviceradar.local/collector/acme/nyc/flow'), 'foreign_identity'],
    ['a SPIFFE ID of a kind that nobody knows', san('URI:spiffe://serviceradar.local/admin/acme/nyc/flow'), 'foreign_identity'],
    ['a SPIFFE ID that leads elsewhere', san('URI:spiffe://serviceradar.local/collector/globex/../acme/nyc/flow'), 'foreign_identity'],
    ['a SPIFFE ID of another tenant', san('URI:spiffe://serviceradar.local/collector/globex/nyc/flow'), 'foreign_tenant'],
    ["a SPIFFE ID of the platform's", san('URI:spiffe://serviceradar.local/service/nats-hub'), 'foreign_tenant'],
    ['another organization', { subject: '/O=globex/CN=flow.nyc.acme.serviceradar' }, 'foreign_tenant'],
    ['a common name of somebody else', { subject: '/O=acme/CN=other.nyc.acme.serviceradar' }, 'subject'],
    ['a common name of another case', { subject: '/O=acme/CN=FLOW.nyc.acme.serviceradar' }, 'subject'],
    ['no common name', { subject: '/O=acme' }, 'subject'],
    ['two common names', { subject: '/O=acme/CN=flow.nyc.acme.serviceradar/CN=flow.nyc.acme.serviceradar' }, 'subject'],
    ['both names in one set', { subject: '/O=acme+CN=flow.nyc.acme.serviceradar' }, 'subject'],
    ['the names in the other order', { subject: '/CN=flow.nyc.acme.serviceradar/O=acme' }, 'subject'],
    ['a country', { subject: '/O=acme/CN=flow.nyc.acme.serviceradar/C=CH' }, 'subject'],
    ['a NUL in a DNS name', san(`DER:${withUri}`), 'names'],
    ['a mail address', san(`URI:${ID},email:root@example.com`), 'names'],
  ])('is refused with %s', (_what, forgery, reason) => {
    expect(() => verify(forge(forgery))).toThrow(because(reason));
  });

  it('is refused when it is not on record, however good it is', () => {
    expect(() => verify(forge({}), { record: undefined })).toThrow(because('not_on_record'));
    const { fingerprintSha256 } = parseCertificate(forge({}));
    expect(() => verify(forge({}), { record: { fingerprintSha256, status: 'issued' } })).toThrow(because('not_on_record'));
  });

  it('is refused when it was revoked', () => {
    const certificate = forge({});
    const { fingerprintSha256 } = parseCertificate(certificate);
    expect(() => verify(certificate, { record: { fingerprintSha256, status: 'revoked' } })).toThrow(because('revoked'));
  });

  it("is refused from another tenant's CA, whether that is trusted for its own tenant or not", () => {
    const foreign = forge({}, authorityOf(globex));
    expect(() => verify(foreign)).toThrow(because('unknown_issuer'));
    const other = acme.authority(planTenantCa({ tenant: 'globex', issuer: acme.root }, acme.context), globex.tenantKey);
    const both = [...terms.authorities, { tenant: 'globex', certificate: other.certificate }];
    const signedByOther = forge({}, { certificatePem: other.certificatePem, keyPem: globex.tenantKey.privateKeyPem.reveal() });
    expect(() => verify(signedByOther, { authorities: both })).toThrow(because('foreign_tenant'));
  });

  it('is refused from somebody who only calls himself as our CA is called', () => {
    const impostor = new TestAuthority('acme', clock);
    expect(() => verify(forge({}, authorityOf(impostor)))).toThrow(because('signature'));
    expect(() => verify(forge({ extensions: { authorityKeyIdentifier: undefined } }, authorityOf(impostor)))).toThrow(because('signature'));
  });

  it('is refused from a certificate that is no CA, though ours signed that one', () => {
    const leaf = openssl.issue(ours);
    const below = forge({ subject: '/O=acme/CN=flow.nyc.acme.serviceradar' }, leaf);
    expect(() => verify(below)).toThrow(because('unknown_issuer'));
    expect(() => verify(below, { authorities: [{ tenant: 'acme', certificate: parseCertificate(leaf.certificatePem) }] })).toThrow(because('issuer_unfit'));
  });

  it('is refused from a CA below our CA, whose path length allows none', () => {
    const below = openssl.issue(ours, { subject: '/O=acme/CN=below', extensions: { basicConstraints: 'critical,CA:TRUE', keyUsage: 'critical,keyCertSign', extendedKeyUsage: undefined, subjectAltName: undefined } });
    expect(() => verify(forge({}, below), { authorities: [{ tenant: 'acme', certificate: parseCertificate(below.certificatePem) }] })).toThrow(because('issuer_unfit'));
  });

  const CA: Record<string, string | undefined> = {
    basicConstraints: 'critical,CA:TRUE,pathlen:0',
    keyUsage: 'critical,keyCertSign,cRLSign',
    extendedKeyUsage: undefined,
    subjectAltName: undefined,
    nameConstraints: 'critical,permitted;URI:serviceradar.local',
  };
  const root = openssl.issue(ours, { subject: '/O=root', extensions: { ...CA, basicConstraints: 'critical,CA:TRUE', nameConstraints: undefined } });
  const below = (root: OpensslAuthority, extensions: Forgery['extensions'], more: Forgery = {}) => {
    const authority = openssl.issue(root, { subject: '/O=acme/CN=tenant', extensions: { ...CA, ...extensions }, ...more });
    return () => verify(forge({}, authority), { root: parseCertificate(root.certificatePem), authorities: [{ tenant: 'acme', certificate: parseCertificate(authority.certificatePem) }] });
  };

  it('is good below a root and a CA that OpenSSL made', () => expect(below(root, {})().identity.kind).toBe('collector'));

  it.each<[string, () => unknown, string]>([
    ['whose CA may not sign certificates', below(root, { keyUsage: 'critical,cRLSign' }), 'issuer_unfit'],
    ['whose CA says that it is none', below(root, { basicConstraints: 'critical,CA:FALSE' }), 'issuer_unfit'],
    ['whose CA has run out', below(root, {}, { notAfter: '20261126115959Z' }), 'issuer_unfit'],
    ['whose CA was signed with SHA-1', below(root, {}, { digest: 'sha1' }), 'issuer_unfit'],
    ['whose CA has a critical extension that nobody knows', below(root, { '1.2.3.4': 'critical,DER:0500' }), 'issuer_unfit'],
    ['whose CA has constraints of DNS names', below(root, { nameConstraints: 'critical,permitted;DNS:serviceradar' }), 'issuer_unfit'],
    ['whose CA may vouch for other hosts only', below(root, { nameConstraints: 'critical,permitted;URI:other.local' }), 'name_constraints'],
    ['whose CA may vouch for hosts below ours only', below(root, { nameConstraints: 'critical,permitted;URI:.serviceradar.local' }), 'name_constraints'],
    ['whose CA may not vouch for our hosts', below(root, { nameConstraints: 'critical,excluded;URI:serviceradar.local' }), 'name_constraints'],
    ['whose root may sign no CAs', below(openssl.issue(ours, { subject: '/O=root', extensions: { ...CA, nameConstraints: undefined } }), {}), 'issuer_unfit'],
  ])('is refused %s', (_what, act, reason) => expect(act).toThrow(because(reason)));
});

describe('a certificate whose encoding is wrong', () => {
  const good = openssl.issue(ours).certificatePem;
  const elements = (tbs: Buffer): Buffer[] => readElements(readDer(tbs), TAG.sequence).map(({ bytes }) => bytes);
  const changeField = (index: number, change: (bytes: Buffer) => Buffer) => (tbs: Buffer) =>
    encodeConstructed(elements(tbs).map((bytes, at) => (at === index ? change(bytes) : bytes)));
  const changeExtensions = (change: (extensions: Buffer[]) => Buffer[]) =>
    changeField(7, (bytes) => {
      const [list] = readElements(readDer(bytes), contextTag(3, 'constructed'));
      return encodeConstructed([encodeConstructed(change(readElements(list!, TAG.sequence).map((extension) => extension.bytes)))], contextTag(3, 'constructed'));
    });
  const replace = (from: string, to: string) => (tbs: Buffer) => Buffer.from(tbs.toString('latin1').replaceAll(from, to), 'latin1');
  /** The length of the outermost element in one octet more than it takes. */
  const longer = (der: Buffer): Buffer => Buffer.concat([Buffer.of(der[0]!, der[1]! + 1, 0), der.subarray(2)]);

  it.each<[string, (tbs: Buffer) => Buffer, string]>([
    ['is of version 1', (tbs) => encodeConstructed(elements(tbs).slice(1, 7)), 'elements'],
    ['is of version 1, and has extensions', (tbs) => encodeConstructed(elements(tbs).slice(1)), 'not of version 3'],
    ['is of version 2', changeField(0, () => Buffer.from('a003020101', 'hex')), 'not of version 3'],
    ['has an extension twice', changeExtensions((extensions) => [...extensions, extensions[0]!]), 'the extension 2.5.29.19 twice'],
    ['has a negative serial number', changeField(1, () => Buffer.from('0201ff', 'hex')), 'a negative integer'],
    ['has a padded serial number', changeField(1, () => Buffer.from('02020001', 'hex')), 'not the shortest'],
    ['has something behind its extensions', (tbs) => encodeConstructed([...elements(tbs), Buffer.from('0500', 'hex')]), 'elements'],
    ['has a third date', changeField(4, (bytes) => encodeConstructed([...elements(bytes), elements(bytes)[0]!])), 'elements'],
    ['has an extension of four parts', changeExtensions((extensions) => [...extensions, Buffer.from('300e06032a03040101ff050004020500', 'hex')]), 'elements'],
    ['writes out that an extension is not critical', changeExtensions((extensions) => [...extensions, Buffer.from('300c06032a030401010004020500', 'hex')]), 'a default that is written out'],
    ['has a length that is not the shortest', longer, 'not the shortest'],
    ['has an indefinite length', (tbs) => Buffer.concat([Buffer.of(0x30, 0x80), readDer(tbs).content, Buffer.alloc(2)]), 'indefinite'],
    ['has a time without seconds', changeField(4, () => encodeConstructed(['2601010000Z', '280101000000Z'].map((time) => encodePrimitive(TAG.utcTime, Buffer.from(time))))), 'a time'],
  ])('is refused when it %s', (_what, change, why) => {
    expect(() => verify(signChanged(good, acme.tenantKey, change))).toThrow(unreadable(why));
  });

  it.each<[string, (tbs: Buffer) => Buffer, string]>([
    ['its common name', replace('flow.nyc.acme.serviceradar', 'flow\0nyc.acme.serviceradar'), 'names'],
    ['its SPIFFE ID', replace('nyc/flow', 'nyc/fl\0w'), 'names'],
  ])('is refused with a NUL in %s', (_what, change, reason) => {
    expect(() => verify(signChanged(good, acme.tenantKey, change))).toThrow(because(reason));
  });

  it.each<[string, Buffer]>([
    ['behind it', Buffer.concat([decodeCertificate(good), Buffer.from('0500', 'hex')])],
    ['inside of it, behind the signature', encodeConstructed([...elements(decodeCertificate(good)), Buffer.from('0500', 'hex')])],
  ])('is refused with garbage %s', (_what, der) => {
    expect(() => verify(der)).toThrow(unreadable(''));
    expect(() => verify(encodePem('CERTIFICATE', der))).toThrow(unreadable(''));
  });

  it('is refused with a signature of zeros, which some verifiers once took for any', () => {
    const zeros = encodeConstructed([Buffer.from('020100', 'hex'), Buffer.from('020100', 'hex')]);
    const [tbs, algorithm] = elements(decodeCertificate(good));
    const forged = encodeConstructed([tbs!, algorithm!, encodePrimitive(TAG.bitString, Buffer.concat([Buffer.of(0), zeros]))]);
    expect(() => verify(forged)).toThrow(because('signature'));
  });
});
