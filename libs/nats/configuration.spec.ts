import { systemRandom } from '#libs/kernel';
import { assertUpstreamUrl, formatHostPort, parseHostPort } from './address.js';
import { type HubConfiguration, renderHubConfiguration } from './hub-configuration.js';
import { LEAF_PATHS, type LeafConfiguration, renderLeafConfiguration } from './leaf-configuration.js';
import { createKeyPair } from './nkeys.js';

// What the texts mean is tested on running servers, in test/integration/nats.
const invalid = expect.objectContaining({ code: 'invalid_configuration' });
const account = () => ({ publicKey: createKeyPair('account', systemRandom).publicKey, jwt: 'a.b.c' });

const leaf: LeafConfiguration = {
  serverName: 'nats-new-york',
  listen: { host: '0.0.0.0', port: 4222 },
  monitorPort: 8222,
  upstreamUrls: ['tls://hub.example.com:7422'],
  jetstream: { domain: 'edge', maxMemoryBytes: 1024, maxFileBytes: 2048, syncAlways: true },
  operatorJwt: 'o.p.q',
  systemAccount: account(),
  account: account(),
};

const tls = { cert: '/c', key: '/k', ca: '/a' };
const hub: HubConfiguration = {
  serverName: 'hub',
  listen: { host: '127.0.0.1', port: 4222 },
  leafListen: { host: '::', port: 7422 },
  leafAdvertise: { host: 'hub.example.com', port: 7422 },
  leafTls: tls,
  monitor: { host: '127.0.0.1', port: 8222 },
  operatorJwt: 'o.p.q',
  systemAccount: account(),
  resolverDir: '/var/lib/nats/accounts',
  jetstream: { storeDir: '/var/lib/nats/jetstream' },
};

describe("a leaf's configuration", () => {
  const text = renderLeafConfiguration(leaf);
  const lines = text.split('\n');

  it('is the same each time', () => {
    expect(renderLeafConfiguration({ ...leaf })).toBe(text);
  });

  it('has each path quoted, on a line of its own', () => {
    for (const path of Object.values(LEAF_PATHS)) {
      expect(lines.filter((line) => line.includes(path)).every((line) => /^\s*\w+: "[^"]+"$/.test(line))).toBe(true);
      expect(text).toContain(`"${path}"`);
    }
  });

  it("verifies clients with the tenant's CA alone, and the hub with the chain", () => {
    const cas = lines.filter((line) => line.includes('ca_file')).map((line) => line.trim());
    const chain = 'ca_file: "/etc/nats/certs/ca-chain.pem"';
    expect(cas).toEqual(['ca_file: "/etc/nats/certs/tenant-ca.pem"', chain, chain]);
  });

  it('dials with the tenant’s account first, and with its own system account to hear of revoked users', () => {
    const accounts = lines.filter((line) => /^ +(?:account|credentials): /.test(line)).map((line) => line.trim());
    expect(accounts).toEqual([
      `account: "${leaf.account.publicKey}"`,
      'credentials: "/etc/nats/creds/tenant.creds"',
      `account: "${leaf.systemAccount.publicKey}"`,
      'credentials: "/etc/nats/creds/control.creds"',
    ]);
  });

  it('monitors on the loopback address only', () => {
    expect(lines).toContain('http: "127.0.0.1:8222"');
  });

  it('syncs each message only where that is asked for', () => {
    const fast = renderLeafConfiguration({ ...leaf, jetstream: { ...leaf.jetstream, syncAlways: false } });
    expect([text.includes('sync_interval: "always"'), fast.includes('sync_interval')]).toEqual([true, false]);
  });

  it.each<[string, Partial<LeafConfiguration>]>([
    ['a server name of two words', { serverName: 'a b' }],
    ['a server name that opens a port', { serverName: 'a"\nhttp: "0.0.0.0:8222' }],
    ['no server name', { serverName: '' }],
    ['a port that is none', { listen: { host: '0.0.0.0', port: 0 } }],
    ['a host that is none', { listen: { host: 'a b', port: 4222 } }],
    ['no upstream URL', { upstreamUrls: [] }],
    ['an upstream URL with credentials', { upstreamUrls: ['tls://user:secret@hub:7422'] }],
    ['a domain of two tokens', { jetstream: { ...leaf.jetstream, domain: 'a.b' } }],
    ['a domain that is a wildcard', { jetstream: { ...leaf.jetstream, domain: '*' } }],
    ['no storage', { jetstream: { ...leaf.jetstream, maxFileBytes: 0 } }],
    ['a key that is no account', { account: { publicKey: 'A', jwt: 'a.b.c' } }],
    ['one account for both', { systemAccount: leaf.account }],
    ['a subject that is none', { capturedSubjects: ['a b'] }],
    ['a path with a newline', { paths: { ...LEAF_PATHS, creds: '/a\n/b' } }],
  ])('is refused for %s', (_reason, change) => {
    expect(() => renderLeafConfiguration({ ...leaf, ...change })).toThrow(invalid);
  });
});

describe("a hub's configuration", () => {
  it('asks for isolation only where the version knows it', () => {
    expect(renderHubConfiguration(hub)).not.toContain('isolate_leafnode_interest');
    expect(renderHubConfiguration({ ...hub, isolateLeafnodeInterest: true })).toContain('isolate_leafnode_interest: true');
  });

  it('tells leaves its public address', () => {
    expect(renderHubConfiguration(hub)).toContain('listen: "[::]:7422"\n  advertise: "hub.example.com:7422"');
  });

  it('verifies clients when it has TLS for them', () => {
    const count = (text: string): number => text.split('verify: true').length - 1;
    expect([count(renderHubConfiguration(hub)), count(renderHubConfiguration({ ...hub, clientTls: tls }))]).toEqual([1, 2]);
  });
});

describe('an address', () => {
  it.each([
    ['0.0.0.0:4222', { host: '0.0.0.0', port: 4222 }],
    ['[::1]:1', { host: '::1', port: 1 }],
    ['nats.example.com:65535', { host: 'nats.example.com', port: 65535 }],
  ])('%s is read and written back', (text, address) => {
    expect(parseHostPort(text)).toEqual(address);
    expect(formatHostPort(address)).toBe(text);
  });

  it.each(['', ':4222', 'a:', 'a', 'a:0', 'a:65536', 'a:1:2', '::1:4222', '[a]:1', '[1.2.3.4]:1', 'a b:1', 'a:1 ', '-a:1', 'a:1e3', 'a..b:1'])('%j is refused', (text) => {
    expect(() => parseHostPort(text)).toThrow(invalid);
  });
});

describe('an upstream URL', () => {
  it.each(['tls://hub:7422', 'nats://10.0.0.1:7422', 'tls://[::1]:7422', 'wss://hub.example.com:443'])('may be %s', (url) => {
    expect(() => assertUpstreamUrl(url)).not.toThrow();
  });

  it.each(['', 'hub:7422', 'tls://hub', 'tls://u:p@hub:1', 'tls://hub:7422/x', 'tls://hub:7422?x', 'http://hub:1', 'tls://hub:7422\nx', 'tls://a"b:1', 'tls://hub:0'])('may not be %j', (url) => {
    expect(() => assertUpstreamUrl(url)).toThrow(invalid);
  });
});
