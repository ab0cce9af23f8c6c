import fc from 'fast-check';
import { type CertificateIntent, joinChain, parseCertificate, planLeafListener, splitChain } from './index.js';
import { DerError, encodeConstructed, readBits, readBoolean, readDer, readElements, readOid, readTime, readUnsigned, TAG } from './der.js';
import { issueTo, signAltered, subjectAltName, TestAuthority } from './test-authority.js';

const acme = new TestAuthority('acme');
const intent: CertificateIntent = planLeafListener({ tenant: 'acme', site: 'nyc', hosts: [], issuer: acme.tenant }, acme.context);
const { certificatePem, key } = issueTo(intent, acme.tenant);
const { der } = parseCertificate(certificatePem);
const unreadable = expect.objectContaining({ name: 'DomainError', code: 'malformed_request' });

describe('a certificate', () => {
  it('reads the same from PEM and from DER', () => expect(parseCertificate(certificatePem)).toEqual(parseCertificate(der)));

  it('reads as what it says', () => {
    expect(parseCertificate(certificatePem)).toMatchObject({
      serialNumber: intent.serialNumber,
      subject: { organization: 'acme', commonName: 'nats-server.nyc.acme.serviceradar' },
      issuer: { organization: 'acme', commonName: 'tenant-acme.ca.serviceradar' },
      publicKey: key.publicKey,
      isCa: false,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['serverAuth'],
      ipAddresses: ['127.0.0.1', '::1'],
    });
  });

  it('has no SPIFFE ID when it has two, or one of another domain', () => {
    const ours = 'spiffe://serviceradar.local/service/nats-hub';
    for (const uris of [[ours, `${ours}2`], ['spiffe://other.local/service/nats-hub'], []]) {
      const altered = signAltered(der, acme.tenantKey, (certificate) => {
        certificate.extensions = [subjectAltName(uris, ['x.example'])];
      });
      expect(parseCertificate(altered)).toMatchObject({ uris, spiffeId: undefined });
    }
  });

  it.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['a key', key.privateKeyPem.reveal()],
    ['two certificates', certificatePem + acme.root.certificatePem],
    ['a byte too few', der.subarray(0, -1)],
    ['a byte too many', Buffer.concat([der, Buffer.of(0)])],
    ['PEM of something else', certificatePem.replace(/\n[A-Za-z0-9+/=\n]+\n/, '\nAAAA\n')],
  ])('cannot be read from %s', (_what, input) => expect(() => parseCertificate(input)).toThrow(unreadable));

  it('with any byte changed is read as another certificate, or refused', () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (position, difference) => {
        const changed = Buffer.from(der);
        changed[position] = changed[position]! ^ difference;
        try {
          expect(parseCertificate(changed).fingerprintSha256).not.toBe(parseCertificate(der).fingerprintSha256);
        } catch (error) {
          expect(error).toEqual(unreadable);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('cannot be read from any bytes but a certificate', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expect(() => parseCertificate(Buffer.from(bytes))).toThrow(unreadable)));
  });
});

describe('a chain', () => {
  const chain = joinChain(certificatePem, acme.tenant.certificatePem, acme.root.certificatePem);

  it('splits into the certificates that it was joined of, in order', () => {
    expect(splitChain(chain)).toEqual([certificatePem, acme.tenant.certificatePem, acme.root.certificatePem]);
  });

  it('holds each certificate once', () => expect(joinChain(chain, acme.tenant.certificatePem, chain)).toBe(chain));

  it('passes over what is no certificate, and takes other line ends', () => {
    expect(splitChain(`# tenant\r\n${certificatePem.replaceAll('\n', '\r\n')}${key.privateKeyPem.reveal()}`)).toEqual([certificatePem]);
  });
});

describe('DER', () => {
  const hex = (text: string): Buffer => Buffer.from(text, 'hex');

  it.each<[string, () => unknown]>([
    ['a length that is not the shortest', () => readDer(hex('04810100'))],
    ['a length with leading zeros', () => readDer(hex(`04820080${'00'.repeat(128)}`))],
    ['an indefinite length', () => readDer(hex('30800000'))],
    ['a length beyond the end', () => readDer(hex('040500'))],
    ['a length of five octets', () => readDer(hex('04850000000001'))],
    ['a tag of several octets', () => readDer(hex('1f8100'))],
    ['a tail', () => readDer(hex('04000400'))],
    ['an element that ends inside another', () => readElements(readDer(hex('30020401')), TAG.sequence)],
    ['another tag', () => readElements(readDer(hex('3100')), TAG.sequence)],
    ['a padded integer', () => readUnsigned(readDer(hex('02020001')))],
    ['an empty integer', () => readUnsigned(readDer(hex('0200')))],
    ['a negative integer', () => readUnsigned(readDer(hex('0201ff')))],
    ['a boolean of 1', () => readBoolean(readDer(hex('010101')))],
    ['an unfinished object identifier', () => readOid(readDer(hex('06022a86')))],
    ['a padded object identifier', () => readOid(readDer(hex('06032a8001')))],
    ['an empty object identifier', () => readOid(readDer(hex('0600')))],
    ['unused bits that are set', () => readBits(readDer(hex('03020781')))],
    ['a count of unused bits over 7', () => readBits(readDer(hex('03020800')))],
    ['a day that does not exist', () => readTime(readDer(Buffer.from('\x17\x0d260230000000Z')))],
    ['a time without seconds', () => readTime(readDer(Buffer.from('\x17\x0b2602200000Z')))],
    ['a time with fractions', () => readTime(readDer(Buffer.from('\x18\x1120510101000000.5Z')))],
    ['a GeneralizedTime before 2050', () => readTime(readDer(Buffer.from('\x18\x0f20260101000000Z')))],
  ])('is refused with %s', (_what, run) => expect(run).toThrow(DerError));

  it('reads object identifiers', () => {
    expect(readOid(readDer(hex('06082a8648ce3d040302')))).toBe('1.2.840.10045.4.3.2');
    expect(readOid(readDer(hex('0603550411')))).toBe('2.5.4.17');
    expect(readOid(readDer(hex('0603883703')))).toBe('2.999.3');
  });

  it('written around octets of any length is read back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(300), fc.constantFrom(127, 128, 255, 256, 65535, 65536)), (length) => {
        const element = readDer(encodeConstructed([Buffer.alloc(length, 1)]));
        expect(element).toMatchObject({ tag: TAG.sequence, content: Buffer.alloc(length, 1) });
      }),
    );
  });
});
