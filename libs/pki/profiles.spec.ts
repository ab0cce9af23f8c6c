import fc from 'fast-check';
import { type CertificateIntent, type LeafListenerProfile, planAgent, planCollector, planLeaf, planLeafListener, planRootCa, planService, planServicesCa, planTenantCa } from './index.js';

const now = new Date('2026-11-24T10:00:30.750Z');
const context = { clock: { now: () => now }, random: (size: number) => Buffer.alloc(size, 0xff) };
const issuer = { notAfter: new Date('2046-01-01T00:00:00Z') };
const acme = { tenant: 'acme', site: 'nyc', issuer };
const listener = (more: Partial<LeafListenerProfile> = {}): CertificateIntent => planLeafListener({ ...acme, hosts: [], ...more }, context);

const always = { serialNumber: `7f${'ff'.repeat(15)}`, notBefore: new Date('2026-11-24T08:00:30Z'), crlUrl: undefined };
const authority = {
  ...always,
  spiffeId: undefined,
  dnsNames: [],
  ipAddresses: [],
  isCa: true,
  keyUsage: ['keyCertSign', 'cRLSign'],
  extendedKeyUsage: [],
};
const endEntity = {
  ...always,
  organization: 'acme',
  notAfter: new Date('2027-11-24T10:00:30Z'),
  isCa: false,
  pathLength: undefined,
  keyUsage: ['digitalSignature'],
  nameConstraints: undefined,
};

describe('the profile', () => {
  it.each<[string, CertificateIntent, object]>([
    [
      'of the root',
      planRootCa(context),
      {
        ...authority,
        kind: 'root_ca',
        organization: 'ServiceRadar Platform',
        commonName: 'root.ca.serviceradar',
        notAfter: new Date('2046-11-24T10:00:30Z'),
        pathLength: undefined,
        nameConstraints: undefined,
      },
    ],
    [
      'of the services CA',
      planServicesCa({ issuer }, context),
      {
        ...authority,
        kind: 'services_ca',
        organization: 'ServiceRadar Platform',
        commonName: 'services.ca.serviceradar',
        notAfter: new Date('2036-11-24T10:00:30Z'),
        pathLength: 0,
        nameConstraints: undefined,
      },
    ],
    [
      'of a tenant CA',
      planTenantCa({ tenant: 'acme', issuer }, context),
      {
        ...authority,
        kind: 'tenant_ca',
        organization: 'acme',
        commonName: 'tenant-acme.ca.serviceradar',
        notAfter: new Date('2036-11-24T10:00:30Z'),
        pathLength: 0,
        nameConstraints: { permittedUriHosts: ['serviceradar.local'] },
      },
    ],
    [
      'of a leaf',
      planLeaf(acme, context),
      {
        ...endEntity,
        kind: 'leaf',
        commonName: 'leaf.nyc.acme.serviceradar',
        spiffeId: 'spiffe://serviceradar.local/nats_leaf/acme/nyc/leaf',
        dnsNames: ['leaf.nyc.acme.serviceradar'],
        ipAddresses: [],
        extendedKeyUsage: ['clientAuth'],
      },
    ],
    [
      "of a leaf's listener",
      listener({ hosts: ['nats.acme.example', '10.1.2.3', 'LOCALHOST', '2001:db8::0:1'] }),
      {
        ...endEntity,
        kind: 'leaf_listener',
        commonName: 'nats-server.nyc.acme.serviceradar',
        spiffeId: undefined,
        dnsNames: ['nats-server.nyc.acme.serviceradar', 'localhost', 'nats.acme.example'],
        ipAddresses: ['127.0.0.1', '::1', '10.1.2.3', '2001:db8::1'],
        extendedKeyUsage: ['serverAuth'],
      },
    ],
    [
      'of a collector at a site',
      planCollector({ ...acme, name: 'flow', hostname: 'flow1.acme.example' }, context),
      {
        ...endEntity,
        kind: 'collector',
        commonName: 'flow.nyc.acme.serviceradar',
        spiffeId: 'spiffe://serviceradar.local/collector/acme/nyc/flow',
        dnsNames: ['flow.nyc.acme.serviceradar', 'localhost', 'flow1.acme.example'],
        ipAddresses: [],
        extendedKeyUsage: ['clientAuth', 'serverAuth'],
      },
    ],
    [
      'of a collector of no site',
      planCollector({ tenant: 'acme', issuer, name: 'flow' }, context),
      {
        ...endEntity,
        kind: 'collector',
        commonName: 'flow.saas.acme.serviceradar',
        spiffeId: 'spiffe://serviceradar.local/collector/acme/saas/flow',
        dnsNames: ['flow.saas.acme.serviceradar', 'localhost'],
        ipAddresses: [],
        extendedKeyUsage: ['clientAuth', 'serverAuth'],
      },
    ],
    [
      'of an agent',
      planAgent({ ...acme, agentId: 'agent-7' }, context),
      {
        ...endEntity,
        kind: 'agent',
        commonName: 'agent.nyc.acme.serviceradar',
        spiffeId: 'spiffe://serviceradar.local/agent/acme/nyc/agent-7',
        dnsNames: [],
        ipAddresses: [],
        extendedKeyUsage: ['clientAuth'],
      },
    ],
    [
      'of the hub',
      planService({ service: 'nats-hub', hosts: ['hub.example.com', '192.0.2.1'], issuer }, context),
      {
        ...endEntity,
        kind: 'service',
        organization: 'ServiceRadar Platform',
        commonName: 'nats-hub.serviceradar',
        spiffeId: undefined,
        dnsNames: ['hub.example.com'],
        ipAddresses: ['192.0.2.1'],
        extendedKeyUsage: ['serverAuth', 'clientAuth'],
      },
    ],
  ])('%s is as designed', (_what, intent, expected) => expect(intent).toStrictEqual(expected));

  it('is frozen to its depths', () => {
    const intent = listener();
    expect(() => (intent as { isCa: boolean }).isCa = true).toThrow(TypeError);
    expect(() => (intent.dnsNames as string[]).push('evil.example')).toThrow(TypeError);
  });

  it('comes through JSON whole', () => {
    const { notBefore, notAfter, ...rest } = JSON.parse(JSON.stringify(planTenantCa({ tenant: 'acme', issuer }, context))) as Record<string, string>;
    expect({ ...rest, notBefore: new Date(notBefore!), notAfter: new Date(notAfter!) }).toEqual(planTenantCa({ tenant: 'acme', issuer }, context));
  });

  it('takes the place of the CRL', () => expect(planLeaf({ ...acme, crlUrl: 'https://sr.example/crl' }, context).crlUrl).toBe('https://sr.example/crl'));
});

describe('the common name', () => {
  // leaf.<site>.<tenant>.serviceradar is 19 characters and the two slugs.
  it.each([
    [64, (name: string) => name],
    [65, () => undefined],
  ])('of %i characters stays whole or is left out', (length, expected) => {
    const site = 's'.repeat(length - 19 - 4);
    const intent = planLeaf({ ...acme, site }, context);
    const name = `leaf.${site}.acme.serviceradar`;
    expect(name).toHaveLength(length);
    expect(intent).toMatchObject({ commonName: expected(name), organization: 'acme', dnsNames: [name] });
  });
});

describe('the serial number', () => {
  it('is a positive number of 16 octets whatever the randomness, and keeps 126 bits of it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const { serialNumber } = planRootCa({ ...context, random: () => Buffer.from(bytes) });
        expect(serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/);
        const kept = Buffer.from(serialNumber, 'hex').map((octet, index) => (index === 0 ? octet & 0x3f : octet));
        expect(Buffer.from(kept)).toEqual(Buffer.from(bytes.map((octet, index) => (index === 0 ? octet & 0x3f : octet))));
      }),
    );
  });
});

describe('the validity', () => {
  it('ends with the issuer where that ends first', () => {
    const notAfter = new Date('2027-03-01T12:00:00Z');
    expect(planLeaf({ ...acme, issuer: { notAfter } }, context).notAfter).toEqual(notAfter);
    expect(planTenantCa({ tenant: 'acme', issuer: { notAfter } }, context).notAfter).toEqual(notAfter);
  });

  it('is planned while the issuer has a day left, and refused a moment later', () => {
    const dayLeft = new Date(now.getTime() + 86_400_000);
    expect(planLeaf({ ...acme, issuer: { notAfter: dayLeft } }, context).notAfter).toEqual(new Date('2026-11-25T10:00:30Z'));
    const less = { notAfter: new Date(dayLeft.getTime() - 1) };
    expect(() => planLeaf({ ...acme, issuer: less }, context)).toThrow(expect.objectContaining({ code: 'issuer_expired' }));
  });
});

describe('a profile is refused', () => {
  it.each<[string, () => unknown]>([
    ['when the tenant is no slug', () => planTenantCa({ tenant: 'Acme, O=Other', issuer }, context)],
    ['when the site is no slug', () => planLeaf({ ...acme, site: 'a.b' }, context)],
    ['when a host of the listener is none', () => listener({ hosts: ['not a host'] })],
    ['when a host of the listener has a label of 64', () => listener({ hosts: [`${'a'.repeat(64)}.example`] })],
    ['when the listener has over 100 hosts', () => listener({ hosts: Array.from({ length: 97 }, (_, index) => `h${index}.example`) })],
    ["when the listener asks for another's name", () => listener({ hosts: ['nats-server.lax.acme.serviceradar'] })],
    ["when the listener asks for the hub's name", () => listener({ hosts: ['NATS-HUB.serviceradar'] })],
    ['when the listener asks for a reserved DNS name', () => listener({ hosts: ['Hub.Example.com'], reservedHosts: ['hub.example.com'] })],
    ['when the listener asks for a reserved address', () => listener({ hosts: ['2001:db8:0::1'], reservedHosts: ['2001:db8::1'] })],
    ['when a collector asks for a reserved name', () => planCollector({ ...acme, name: 'flow', hostname: 'hub.example.com', reservedHosts: ['hub.example.com'] }, context)],
    ["when a collector takes the listener's name", () => planCollector({ ...acme, name: 'nats-server' }, context)],
    ["when an agent's id is a path", () => planAgent({ ...acme, agentId: '../x' }, context)],
    ['when a service is reached by nothing', () => planService({ service: 'agent-gateway', hosts: [], issuer }, context)],
    ['when the CRL is not on the web', () => planLeaf({ ...acme, crlUrl: 'file:///etc/passwd' }, context)],
    ['when the place of the CRL is not in normal form', () => planLeaf({ ...acme, crlUrl: 'https://sr.example/a b' }, context)],
  ])('%s', (_when, run) => expect(run).toThrow(expect.objectContaining({ code: 'profile_violation' })));

  it('but not for naming the listener itself', () => {
    expect(listener({ hosts: ['nats-server.nyc.acme.serviceradar'] }).dnsNames).toEqual(['nats-server.nyc.acme.serviceradar', 'localhost']);
  });

  it('but not for a hundred hosts', () => {
    const intent = listener({ hosts: Array.from({ length: 96 }, (_, index) => `h${index}.example`) });
    expect(intent.dnsNames.length + intent.ipAddresses.length).toBe(100);
  });
});
