import { Destinations, isPublic } from './destination.js';

const PUBLIC = ['1.1.1.1', '93.184.216.34', '172.15.0.1', '172.32.0.1', '100.63.255.255', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::5'];

/** IANA, "IPv4 Special-Purpose Address Registry", "IPv6 Special-Purpose Address Registry". */
const NOT_PUBLIC = [
  ['0.0.0.0', 'this host'],
  ['0.1.2.3', 'this network'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['169.254.169.254', 'metadata of a cloud'],
  ['100.64.0.1', 'shared'],
  ['100.127.255.255', 'shared'],
  ['192.0.0.1', 'IETF protocols'],
  ['192.0.2.1', 'documentation'],
  ['198.18.0.1', 'benchmarks'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'this host'],
  ['::1', 'loopback'],
  ['::127.0.0.1', 'compatible with IPv4'],
  ['::ffff:127.0.0.1', 'mapped IPv4'],
  ['::ffff:1.1.1.1', 'mapped IPv4'],
  ['64:ff9b::7f00:1', 'NAT64'],
  ['64:ff9b:1::1', 'local NAT64'],
  ['100::1', 'discarded'],
  ['2001::1', 'Teredo'],
  ['2001:db8::1', 'documentation'],
  ['2002:7f00:1::1', '6to4'],
  ['fc00::1', 'unique local'],
  ['fd00:ec2::254', 'metadata of a cloud'],
  ['fe80::1', 'link-local'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['4000::1', 'not handed out'],
] as const;

describe('a webhook', () => {
  it.each(PUBLIC)('may lead to %s', (address) => {
    expect(new Destinations([]).allows(address, 'https:')).toBe(true);
    expect(new Destinations([]).allows(address, 'http:')).toBe(false);
  });

  it.each(NOT_PUBLIC)('may not lead to %s (%s)', (address) => {
    expect(isPublic(address)).toBe(false);
    expect(new Destinations([]).allows(address, 'https:')).toBe(false);
    expect(new Destinations(['10.1.0.0/16', 'fd12::/16']).allows(address, 'https:')).toBe(false);
  });

  it('may lead to a network that the configuration names, also in the clear, and to no other', () => {
    const destinations = new Destinations(['10.1.0.0/16', '192.168.7.7', 'fd12::/16']);
    const allowed = ['10.1.2.3', '192.168.7.7', 'fd12::1'].flatMap((address) => [destinations.allows(address, 'https:'), destinations.allows(address, 'http:')]);
    expect(allowed).toEqual(Array(6).fill(true));
    expect(['10.2.0.1', '192.168.7.8', 'fd13::1'].map((address) => destinations.allows(address, 'https:'))).toEqual([false, false, false]);
    expect(destinations.allows('1.1.1.1', 'http:')).toBe(false);
  });
});
