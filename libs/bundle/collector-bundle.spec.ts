import { spawnSync } from 'node:child_process';
import { configFileOf, renderCollectorConfiguration } from '#libs/collectors';
import { COLLECTOR_TYPES, type CollectorType } from '#libs/contracts';
import { Secret } from '#libs/kernel';
import { parse as parseYaml } from 'yaml';
import { CHECKSUMS_PATH } from './checksums.js';
import { type CollectorBundleContents, collectorEntries, collectorFolder } from './collector-bundle.js';
import { type EdgePackageContents, edgePackageEntries, edgePackageFolder } from './edge-package-bundle.js';
import { shellcheck } from './test-shellcheck.js';

const packageId = '01890a5d-ac96-774b-bcce-b302099a8057';
const natsUrl = 'tls://nats.new-york.example.com:4222';
const HOSTILE = ['a"b', '$(touch canary)', '`touch canary`', "'; touch canary; '", '%n %H', 'ends in \\', '<img src=x onerror=alert(1)>', '${HOME}', '# x: [*y]', '|a|b|', '😀'.repeat(200)];

const contents = (type: CollectorType, change: Partial<CollectorBundleContents> = {}): CollectorBundleContents => ({
  packageId,
  type,
  siteName: 'New York',
  natsUrl,
  configuration: renderCollectorConfiguration({ type, natsUrl, jetstreamDomain: 'edge', tenantSlug: 'acme', siteSlug: 'new-york', hostname: 'host', overrides: {} }),
  certificates: { certPem: 'cert\n', caChainPem: 'chain\n' },
  secrets: { keyPem: new Secret('key\n'), creds: new Secret('creds\n') },
  ...change,
});
const filesOf = (entries: ReturnType<typeof collectorEntries>) => Object.fromEntries(entries.map(({ path, content }) => [path, String(content)]));
const layoutOf = (entries: ReturnType<typeof collectorEntries>) => entries.map(({ path, mode }) => `${mode.toString(8)} ${path}`);
const listedIn = (files: Record<string, string>) => files[CHECKSUMS_PATH]!.trim().split('\n').map((line) => line.slice(66));

describe.each(COLLECTOR_TYPES.filter((type) => type !== 'falcosidekick'))('the package of a %s collector', (type) => {
  const entries = collectorEntries(contents(type));
  const files = filesOf(entries);

  it('has the layout and the modes of the contract', () => {
    expect(layoutOf(entries)).toEqual([
      '644 README.md',
      '644 certs/ca-chain.pem',
      '600 certs/collector-key.pem',
      '644 certs/collector.pem',
      `644 config/${configFileOf(type)}`,
      '600 creds/nats.creds',
      '755 update.sh',
      '644 SHA256SUMS',
    ]);
    expect(collectorFolder(packageId)).toBe('collector-package-01890a5d');
  });

  it('puts each certificate, key and credential into its file', () => {
    expect(files).toMatchObject({ 'certs/collector.pem': 'cert\n', 'certs/collector-key.pem': 'key\n', 'certs/ca-chain.pem': 'chain\n', 'creds/nats.creds': 'creds\n' });
    expect(files[`config/${configFileOf(type)}`]).toBe(contents(type).configuration);
  });

  it('lists every other file in SHA256SUMS', () => {
    expect(listedIn(files)).toEqual(Object.keys(files).filter((path) => path !== CHECKSUMS_PATH));
  });

  it('has a script that shellcheck finds nothing in', () => expect(shellcheck(files['update.sh']!)).toBe(''));
});

describe('the package of a falcosidekick collector', () => {
  const entries = collectorEntries(contents('falcosidekick'));
  const files = filesOf(entries);

  it('has Helm values and a script for a cluster, with what mutual TLS takes', () => {
    expect(layoutOf(entries)).toEqual([
      '644 README.md',
      '644 certs/ca-chain.pem',
      '600 certs/collector-key.pem',
      '644 certs/collector.pem',
      '600 creds/nats.creds',
      '755 deploy.sh',
      '644 falcosidekick.yaml',
      '644 SHA256SUMS',
    ]);
    expect(listedIn(files)).toEqual(Object.keys(files).filter((path) => path !== CHECKSUMS_PATH));
  });

  it('makes the secret that the values mount, of the files that they name', () => {
    const { extraVolumes } = parseYaml(files['falcosidekick.yaml']!) as { extraVolumes: { secret: { secretName: string; items: { key: string }[] } }[] };
    const constant = (name: string) => spawnSync('sh', ['-c', `${new RegExp(`^${name}=.*$`, 'm').exec(files['deploy.sh']!)![0]}\nprintf %s "$${name}"`], { encoding: 'utf8' }).stdout;
    expect(extraVolumes.map(({ secret }) => secret.secretName)).toEqual(extraVolumes.map(() => constant('secret_name')));
    const keys = constant('secret_files').split(' ').map((path) => path.split('/').at(-1));
    expect(extraVolumes.flatMap(({ secret }) => secret.items.map(({ key }) => key)).toSorted()).toEqual(keys.toSorted());
  });

  it('has a script that shellcheck finds nothing in', () => expect(shellcheck(files['deploy.sh']!)).toBe(''));
});

describe.each(['flowgger', 'falcosidekick'] as const)('the package of a %s collector', (type) => {
  const script = type === 'flowgger' ? 'update.sh' : 'deploy.sh';

  it('says that there is no site', () => {
    expect(filesOf(collectorEntries(contents(type, { siteName: null })))['README.md']).toContain('\n    Site:     (none: it sends to the hub)\n');
  });

  it.each(HOSTILE)('shows the site’s name as data: %j', (siteName) => {
    const files = filesOf(collectorEntries(contents(type, { siteName })));
    const others = filesOf(collectorEntries(contents(type, { siteName: 'X' })));
    expect(files['README.md']).toContain(`\n    Site:     ${siteName}\n`);
    expect(files['README.md']!.split('\n')).toHaveLength(others['README.md']!.split('\n').length);
    expect(files[script]).toBe(others[script]);
  });

  it.each(HOSTILE.slice(0, -1))('has a script that takes the address for nothing but text: %j', (text) => {
    const files = filesOf(collectorEntries(contents(type, { natsUrl: text })));
    const constant = /^nats_url=.*$/m.exec(files[script]!)![0];
    expect(spawnSync('sh', ['-c', `${constant}\nprintf %s "$nats_url"`], { encoding: 'utf8' }).stdout).toBe(text);
    expect(shellcheck(files[script]!)).toBe('');
  });

  it.each([
    ['an id that is none', { packageId: '../x' }],
    ['a name with a newline', { siteName: 'a\nb' }],
    ['an empty name', { siteName: '' }],
    ['an address with a newline', { natsUrl: 'tls://a:1\nx' }],
  ])('is refused for %s', (_, change) => {
    expect(() => collectorEntries(contents(type, change))).toThrow(expect.objectContaining({ code: 'bundle_invalid' }));
  });
});

describe('an onboarding package', () => {
  const input: EdgePackageContents = {
    packageId,
    label: 'Rack 7',
    componentType: 'agent',
    componentId: 'agent-7',
    gatewayAddress: 'gateway.example.com:50052',
    serverName: 'agent-gateway.serviceradar',
    certificates: { certPem: 'cert\n', caChainPem: 'chain\n' },
    secrets: { keyPem: new Secret('key\n') },
  };
  const entries = edgePackageEntries(input);
  const files = filesOf(entries);

  it('has the layout and the modes of the contract', () => {
    expect(layoutOf(entries)).toEqual(['644 README.md', '644 certs/ca-chain.pem', '600 certs/component-key.pem', '644 certs/component.pem', '644 config/gateway.json', '644 SHA256SUMS']);
    expect(edgePackageFolder(packageId)).toBe('edge-package-01890a5d');
    expect(files).toMatchObject({ 'certs/component.pem': 'cert\n', 'certs/component-key.pem': 'key\n', 'certs/ca-chain.pem': 'chain\n' });
    expect(listedIn(files)).toEqual(Object.keys(files).filter((path) => path !== CHECKSUMS_PATH));
  });

  it('says where the gateway is and who the component is', () => {
    expect(JSON.parse(files['config/gateway.json']!)).toEqual({
      component_id: 'agent-7',
      component_type: 'agent',
      gateway_address: 'gateway.example.com:50052',
      server_name: 'agent-gateway.serviceradar',
      cert_file: '/etc/serviceradar/certs/component.pem',
      key_file: '/etc/serviceradar/certs/component-key.pem',
      ca_file: '/etc/serviceradar/certs/ca-chain.pem',
    });
  });

  it.each(HOSTILE)('shows texts of people as data: %j', (text) => {
    const hostile = filesOf(edgePackageEntries({ ...input, label: text, componentId: text }));
    expect(hostile['README.md']).toContain(`\n    Label:     ${text}\n`);
    expect(hostile['README.md']!.split('\n')).toHaveLength(files['README.md']!.split('\n').length);
    expect(JSON.parse(hostile['config/gateway.json']!)).toMatchObject({ component_id: text });
  });

  it.each([
    ['an id that is none', { packageId: 'x' }],
    ['a label with a newline', { label: 'a\nb' }],
    ['a component with a newline', { componentId: 'a\nb' }],
  ])('is refused for %s', (_, change) => {
    expect(() => edgePackageEntries({ ...input, ...change })).toThrow(expect.objectContaining({ code: 'bundle_invalid' }));
  });
});
