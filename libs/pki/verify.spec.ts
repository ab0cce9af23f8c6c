import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { type CertificateIntent, checkAgainstIntent, checkIssuedBy, generateKeyPair, parseCertificate, planCollector, planTenantCa } from './index.js';
import { anyExtension, type EndEntity, issueTo, signAltered, subjectAltName, TestAuthority } from './test-authority.js';

const acme = new TestAuthority('acme');
const crlUrl = 'https://sr.example/crl';
const collectorIntent = planCollector({ tenant: 'acme', site: 'nyc', name: 'flow', hostname: '10.0.0.7', issuer: acme.tenant, crlUrl }, acme.context);
const collector = issueTo(collectorIntent, acme.tenant);
const authorityIntent = planTenantCa({ tenant: 'acme', issuer: acme.root }, acme.context);
const authority = issueTo(authorityIntent, acme.root);
const derOf = ({ certificatePem }: EndEntity): Buffer => parseCertificate(certificatePem).der;
const later = (time: Date): Date => new Date(time.getTime() + 1000);

const differs = (field: string) => expect.objectContaining({ code: 'profile_violation', context: expect.objectContaining({ field }) as unknown });

describe('a certificate held against its intent', () => {
  it('agrees with the one that it was made from, as DER and as read', () => {
    expect(() => checkAgainstIntent(derOf(collector), collectorIntent)).not.toThrow();
    expect(() => checkAgainstIntent(parseCertificate(authority.certificatePem), authorityIntent)).not.toThrow();
  });

  const changes: [string, Partial<CertificateIntent>][] = [
    ['serialNumber', { serialNumber: '40'.repeat(16) }],
    ['organization', { organization: 'other' }],
    ['commonName', { commonName: 'flow.nyc.other.serviceradar' }],
    ['commonName', { commonName: undefined }],
    ['spiffeId', { spiffeId: 'spiffe://serviceradar.local/collector/other/nyc/flow' }],
    ['spiffeId', { spiffeId: undefined }],
    ['dnsNames', { dnsNames: [...collectorIntent.dnsNames, 'x.example'] }],
    ['dnsNames', { dnsNames: collectorIntent.dnsNames.slice(1) }],
    ['ipAddresses', { ipAddresses: [] }],
    ['ipAddresses', { ipAddresses: ['10.0.0.8'] }],
    ['notBefore', { notBefore: later(collectorIntent.notBefore) }],
    ['notAfter', { notAfter: later(collectorIntent.notAfter) }],
    ['isCa', { isCa: true }],
    ['pathLength', { pathLength: 0 }],
    ['keyUsage', { keyUsage: ['digitalSignature', 'keyCertSign'] }],
    ['extendedKeyUsage', { extendedKeyUsage: ['clientAuth'] }],
    ['nameConstraints', { nameConstraints: { permittedUriHosts: ['serviceradar.local'] } }],
    ['crlUrl', { crlUrl: 'https://sr.example/other' }],
    ['crlUrl', { crlUrl: undefined }],
    ['extensions', { kind: 'root_ca' }],
  ];

  it.each(changes)('differs in its %s when the intent says otherwise', (field, change) => {
    expect(() => checkAgainstIntent(derOf(collector), { ...collectorIntent, ...change })).toThrow(differs(field));
  });

  it('has every field of an intent compared', () => {
    const compared = new Set(changes.flatMap(([, change]) => Object.keys(change)));
    expect([...compared].sort()).toEqual(Object.keys(collectorIntent).sort());
  });

  it.each<[string, Partial<CertificateIntent>]>([
    ['nameConstraints', { nameConstraints: undefined }],
    ['nameConstraints', { nameConstraints: { permittedUriHosts: ['serviceradar.local', 'other.local'] } }],
    ['pathLength', { pathLength: undefined }],
    ['pathLength', { pathLength: 1 }],
    ['isCa', { isCa: false }],
  ])('of a CA differs in its %s when the intent says otherwise', (field, change) => {
    expect(() => checkAgainstIntent(derOf(authority), { ...authorityIntent, ...change })).toThrow(differs(field));
  });

  const replace = (certificate: pkijs.Certificate, extension: pkijs.Extension): void => {
    certificate.extensions = certificate.extensions?.map((old) => (old.extnID === extension.extnID ? extension : old));
  };

  it.each<[string, string, (certificate: pkijs.Certificate) => void]>([
    ['extensions', 'has an extension more', (certificate) => certificate.extensions?.push(anyExtension('1.2.3.4'))],
    ['extensions', 'has an extension that is not critical', (certificate) => certificate.extensions?.forEach((extension) => (extension.critical = false))],
    ['spiffeId', 'has a second URI', (certificate) => replace(certificate, subjectAltName([collectorIntent.spiffeId!, 'https://x.example']))],
    ['dnsNames', 'has another DNS name', (certificate) => replace(certificate, subjectAltName([collectorIntent.spiffeId!], ['hub.example.com']))],
    [
      'subject',
      'has an attribute more',
      (certificate) => {
        const country = new pkijs.AttributeTypeAndValue({ type: '2.5.4.6', value: new asn1js.PrintableString({ value: 'CH' }) });
        certificate.subject.typesAndValues = [...certificate.subject.typesAndValues, country];
        certificate.subject.valueBeforeDecode = new ArrayBuffer(0);
      },
    ],
    [
      'otherNames',
      'has a name of another type',
      (certificate) => {
        const names = [
          new pkijs.GeneralName({ type: 6, value: collectorIntent.spiffeId }),
          ...collectorIntent.dnsNames.map((value) => new pkijs.GeneralName({ type: 2, value })),
          new pkijs.GeneralName({ type: 7, value: new asn1js.OctetString({ valueHex: Uint8Array.of(10, 0, 0, 7) }) }),
          new pkijs.GeneralName({ type: 1, value: 'root@example.com' }),
        ];
        replace(certificate, new pkijs.Extension({ extnID: '2.5.29.17', extnValue: new pkijs.GeneralNames({ names }).toSchema().toBER() }));
      },
    ],
  ])('differs in its %s when it %s', (field, _what, edit) => {
    const altered = signAltered(derOf(collector), acme.tenantKey, edit);
    expect(() => checkAgainstIntent(altered, collectorIntent)).toThrow(differs(field));
  });
});

describe('a certificate held against its issuer', () => {
  const certificate = parseCertificate(collector.certificatePem);
  const { publicKey } = collector.key;

  it('agrees with the CA and the key that it was made with', () => {
    expect(() => checkIssuedBy(certificate, acme.tenant, publicKey)).not.toThrow();
  });

  it('differs in the issuer when another CA is said to have signed it', () => {
    expect(() => checkIssuedBy(certificate, acme.services, publicKey)).toThrow(differs('issuer'));
  });

  it("differs in the authority key identifier when another CA of the tenant's is said to have signed it", () => {
    const next = acme.authority(authorityIntent, generateKeyPair());
    expect(() => checkIssuedBy(certificate, next, publicKey)).toThrow(differs('authorityKeyIdentifier'));
  });

  it('differs in the key when it certifies another', () => {
    expect(() => checkIssuedBy(certificate, acme.tenant, generateKeyPair().publicKey)).toThrow(differs('publicKey'));
  });

  it('differs in the signature when a bit of it was turned', () => {
    const turned = Buffer.from(certificate.der);
    const last = turned.length - 1;
    turned[last] = turned[last]! ^ 1;
    expect(() => checkIssuedBy(parseCertificate(turned), acme.tenant, publicKey)).toThrow(differs('signature'));
  });
});
