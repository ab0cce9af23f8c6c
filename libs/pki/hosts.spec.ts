import { isIP } from 'node:net';
import fc from 'fast-check';
import { addressFromOctets, addressOctets, canonicalHost, sortHosts } from './hosts.js';

/** Addresses that somebody can have: not the unspecified ones, and none of IPv6 that only stands for one of IPv4. */
const ipV4 = fc.ipV4().filter((address) => address !== '0.0.0.0');
const ipV6 = fc.ipV6().filter((address) => {
  const { hostname } = new URL(`http://[${address}]`);
  return !/^\[::(?:[0-9a-f]+:[0-9a-f]+|ffff:0:0)?\]$/.test(hostname);
});

describe('the hosts of a certificate', () => {
  it('are sorted into DNS names and addresses, each once, in the order given', () => {
    const hosts = ['NATS.Example.com', '10.0.0.1', '::1', 'nats.example.com', '[::1]', '0:0:0:0:0:0:0:1', 'localhost', '10.0.0.1', 'my_host'];
    expect(sortHosts(hosts)).toEqual({ dnsNames: ['nats.example.com', 'localhost', 'my_host'], ipAddresses: ['10.0.0.1', '::1'] });
  });

  it('may have labels of 63 and names of 253 characters', () => {
    const name = [63, 63, 63, 61].map((length) => 'a'.repeat(length)).join('.');
    expect(name).toHaveLength(253);
    expect(sortHosts([name]).dnsNames).toEqual([name]);
  });

  it.each([
    ['nothing', ''],
    ['a wildcard', '*.example.com'],
    ['a port', 'example.com:4222'],
    ['a bracketed address with a port', '[::1]:4222'],
    ['a URL', 'tls://example.com'],
    ['a trailing dot', 'example.com.'],
    ['an empty label', 'a..b'],
    ['a hyphen at an end', '-a.example.com'],
    ['a space', 'a b'],
    ['a line break', 'example.com\n'],
    ['a NUL', 'example.com\0.evil.com'],
    ['a letter outside ASCII', 'zürich.example.com'],
    ['a letter that becomes ASCII in lower case', '\u212A.example.com'],
    ['a label of 64', `${'a'.repeat(64)}.com`],
    ['a name of 254', [63, 63, 63, 62].map((length) => 'a'.repeat(length)).join('.')],
    ['an address with a zone', 'fe80::1%eth0'],
    ['the unspecified IPv4 address', '0.0.0.0'],
    ['the unspecified IPv4 address, wrapped in IPv6', '::ffff:0.0.0.0'],
    ['the unspecified IPv6 address', '::'],
    ['an IPv4-compatible address', '::127.0.0.1'],
    ['a bracketed IPv4 address', '[127.0.0.1]'],
    ['an IPv4 address in octal', '010.0.0.1'],
    ['an IPv4 address of three parts', '10.0.1'],
    ['an IPv4 address out of range', '256.0.0.1'],
  ])('are refused with %s', (_what, host) => {
    expect(() => sortHosts(['ok.example.com', host])).toThrow(expect.objectContaining({ code: 'profile_violation' }));
  });

  it('survive any text: it is refused, or comes out as a name or an address that stays as it is', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.domain(), fc.ipV4(), fc.ipV6(), fc.webUrl());
    fc.assert(
      fc.property(text, (host) => {
        let canonical: string;
        try {
          canonical = canonicalHost(host);
        } catch (error) {
          expect(error).toMatchObject({ name: 'DomainError', code: 'profile_violation' });
          return;
        }
        expect(canonical).toMatch(/^[a-z0-9._:-]+$/);
        expect(canonicalHost(canonical)).toBe(canonical);
      }),
    );
  });

  it('are all domains and addresses that there are', () => {
    fc.assert(fc.property(fc.oneof(fc.domain(), ipV4, ipV6), (host) => expect(() => canonicalHost(host)).not.toThrow()));
  });

  // Verifiers take the one for the other: a host that is reserved must not come back in another spelling.
  it.each(['::ffff:203.0.113.1', '[::FFFF:203.0.113.1]', '::ffff:cb00:7101', '0:0:0:0:0:ffff:203.0.113.1'])('are IPv4 where IPv6 only wraps it: %s', (host) =>
    expect(canonicalHost(host)).toBe('203.0.113.1'),
  );
});

describe('the octets of an address', () => {
  it.each([
    ['127.0.0.1', '7f000001'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['fe80::', `fe80${'00'.repeat(14)}`],
    ['2001:db8::a:0:0:1', '20010db800000000000a000000000001'],
    ['::ffff:a00:1', `${'00'.repeat(10)}ffff0a000001`],
  ])('of %s are %s', (address, hex) => expect(addressOctets(address).toString('hex')).toBe(hex));

  it('give the same address back, whichever it is', () => {
    fc.assert(
      fc.property(fc.oneof(ipV4, ipV6), (address) => {
        const canonical = canonicalHost(address);
        expect(addressOctets(canonical)).toHaveLength(isIP(canonical) === 4 ? 4 : 16);
        expect(addressFromOctets(addressOctets(canonical))).toBe(canonical);
      }),
    );
  });

  it('are 4 or 16, and no other number', () => expect(addressFromOctets(Buffer.alloc(5))).toBeUndefined());
});
