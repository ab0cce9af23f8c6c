import { spawnSync } from 'node:child_process';
import { Secret } from '#libs/kernel';
import { bundleChecksum, CHECKSUMS_PATH } from './checksums.js';
import { type EdgeSiteBundleInput, edgeSiteEntries, edgeSiteFolder, INSTALLED_FILES, renderEdgeSiteFiles } from './edge-site-bundle.js';
import { shellcheck } from './test-shellcheck.js';

const input: EdgeSiteBundleInput = {
  siteName: 'New York',
  siteSlug: 'new-york',
  tenantSlug: 'acme',
  generation: 3,
  natsLeafConf: 'server_name: "nats-new-york"\n',
  upstreamUrl: 'tls://hub.example.com:7422',
  listen: { host: '0.0.0.0', port: 4222 },
  monitorPort: 8222,
  natsLeafUrl: 'tls://nats.new-york.example.com:4222',
  jetstreamMaxFileBytes: 10 * 1024 ** 3,
};
const certificates = { serverCertPem: 'server\n', leafCertPem: 'leaf\n', caChainPem: 'chain\n', tenantCaPem: 'tenant\n' };
const secrets = { serverKeyPem: new Secret('server key\n'), leafKeyPem: new Secret('leaf key\n'), creds: new Secret('creds\n'), controlCreds: new Secret('control creds\n') };
const entriesOf = (files: Record<string, string>) => edgeSiteEntries({ files, certificates, secrets });

const HOSTILE_NAMES = ['a"b', '$(touch canary)', '`touch canary`', "'; touch canary; '", '%n %H', 'ends in \\', '<img src=x onerror=alert(1)>', '${HOME}', '# x: [*y]', '|a|b|', '😀'.repeat(200)];

describe("an edge site's bundle", () => {
  const entries = entriesOf(renderEdgeSiteFiles(input));
  const textOf = (path: string) => String(entries.find((entry) => entry.path === path)?.content);

  it('has the layout and the modes of the contract', () => {
    expect(entries.map(({ path, mode }) => `${mode.toString(8)} ${path}`)).toEqual([
      '644 README.md',
      '600 creds/control.creds',
      '600 creds/tenant.creds',
      '644 docker-compose.yml',
      '644 kubernetes/service.yaml',
      '644 kubernetes/stateful-set.yaml',
      '644 kustomization.yaml',
      '644 nats/certs/ca-chain.pem',
      '600 nats/certs/nats-leaf-key.pem',
      '644 nats/certs/nats-leaf.pem',
      '600 nats/certs/nats-server-key.pem',
      '644 nats/certs/nats-server.pem',
      '644 nats/certs/tenant-ca.pem',
      '644 nats/nats-leaf.conf',
      '755 setup.sh',
      '644 systemd/nats-leaf.service',
      '644 SHA256SUMS',
    ]);
    expect(edgeSiteFolder('new-york')).toBe('edge-site-new-york');
  });

  it('puts each certificate, key and credential into its file', () => {
    const contents = { 'nats-server.pem': 'server', 'nats-server-key.pem': 'server key', 'nats-leaf.pem': 'leaf', 'nats-leaf-key.pem': 'leaf key', 'ca-chain.pem': 'chain', 'tenant-ca.pem': 'tenant' };
    for (const [name, content] of Object.entries(contents)) expect(textOf(`nats/certs/${name}`)).toBe(`${content}\n`);
    expect(textOf('creds/tenant.creds')).toBe('creds\n');
    expect(textOf('creds/control.creds')).toBe('control creds\n');
    expect(textOf('nats/nats-leaf.conf')).toBe(input.natsLeafConf);
  });

  it('says where setup.sh puts what the leaf runs with', () => {
    const script = textOf('setup.sh');
    const names = /for name in (.*\.pem); do\s+place "nats\/certs\/\$name" "certs\/\$name"/.exec(script)![1]!.split(' ');
    const creds = /for name in (.*\.creds); do place "creds\/\$name" "creds\/\$name"/.exec(script)![1]!.split(' ');
    const placed = [...names.map((name) => [`nats/certs/${name}`, `certs/${name}`]), ...creds.map((name) => [`creds/${name}`, `creds/${name}`])];
    expect(script).toContain('place nats/nats-leaf.conf nats-leaf.conf');
    expect(INSTALLED_FILES).toEqual({ 'nats/nats-leaf.conf': 'nats-leaf.conf', ...Object.fromEntries(placed) });
  });

  it('lists every other file in SHA256SUMS', () => {
    const listed = textOf(CHECKSUMS_PATH).trim().split('\n').map((line) => line.slice(66));
    expect(listed).toEqual(entries.map(({ path }) => path).filter((path) => path !== CHECKSUMS_PATH));
  });

  it('has another checksum for another key', () => {
    const other = edgeSiteEntries({ files: renderEdgeSiteFiles(input), certificates, secrets: { ...secrets, leafKeyPem: new Secret('another\n') } });
    expect(bundleChecksum(other)).not.toBe(bundleChecksum(entries));
  });

  it('is the same in whatever order the database gives its files back', () => {
    const shuffled = Object.fromEntries(Object.entries(renderEdgeSiteFiles(input)).toReversed());
    expect(entriesOf(shuffled)).toEqual(entries);
  });

  describe('of a site that listens on a port below 1024', () => {
    const files = renderEdgeSiteFiles({ ...input, listen: { host: '0.0.0.0', port: 443 } });

    it('has the one capability that takes', () => {
      expect(files['systemd/nats-leaf.service']).toContain('\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n');
      expect(files['docker-compose.yml']).toContain('cap_add: [NET_BIND_SERVICE]');
      expect(files['kubernetes/stateful-set.yaml']).toContain('add: ["NET_BIND_SERVICE"]');
    });
  });

  describe('of a site that listens above', () => {
    it('has no capability', () => expect(textOf('systemd/nats-leaf.service')).toContain('\nCapabilityBoundingSet=\nAmbientCapabilities=\n'));
  });

  it('asks for a volume with a fifth more room than the messages may take', () => {
    expect(textOf('kubernetes/stateful-set.yaml')).toContain('storage: 12Gi');
  });

  it.each([
    ['a name with a newline', { siteName: 'a\nb' }],
    ['an empty name', { siteName: '' }],
    ['a slug that is none', { siteSlug: '../x' }],
    ['a tenant slug that is none', { tenantSlug: 'A' }],
  ])('is refused for %s', (_, change) => {
    expect(() => renderEdgeSiteFiles({ ...input, ...change })).toThrow(expect.objectContaining({ code: 'bundle_invalid' }));
  });

  it('has a script that shellcheck finds nothing in, whatever the name', () => {
    const siteName = HOSTILE_NAMES.slice(0, -1).join(' ');
    expect(shellcheck(renderEdgeSiteFiles({ ...input, siteName })['setup.sh']!)).toBe('');
  });

  describe.each(HOSTILE_NAMES)('of a site named %j', (siteName) => {
    const files = renderEdgeSiteFiles({ ...input, siteName });
    const withoutName = renderEdgeSiteFiles({ ...input, siteName: 'X' });
    const lineWith = (path: string, start: string) => files[path]!.split('\n').find((line) => line.trimStart().startsWith(start))!;

    it('differs from that of another in the lines that show the name only', () => {
      for (const [path, text] of Object.entries(files)) {
        const lines = text.split('\n');
        const others = withoutName[path]!.split('\n');
        expect(lines).toHaveLength(others.length);
        expect(lines.filter((line, i) => line !== others[i]).length).toBeLessThanOrEqual(1);
      }
    });

    it('shows the name as data in each file', () => {
      const composeLabel = JSON.parse(lineWith('docker-compose.yml', 'serviceradar.edge-site.name: ').replace(/^.*?: /, '')) as string;
      expect(composeLabel.replaceAll('$$', '$')).toBe(siteName);
      const annotation = lineWith('kubernetes/stateful-set.yaml', 'serviceradar.io/edge-site-name: ').replace(/^.*?: /, '');
      expect(JSON.parse(annotation)).toBe(siteName);
      expect(lineWith('systemd/nats-leaf.service', 'Description=')).toBe(`Description=NATS leaf of the edge site “${siteName.replaceAll('%', '%%')}”`);
      expect(lineWith('README.md', 'Site: ')).toBe(`    Site:        ${siteName}`);
    });

    it('has a script that a shell reads the name from', () => {
      const constants = files['setup.sh']!.split('\n').filter((line) => line.startsWith('site_name=')).join('\n');
      expect(spawnSync('sh', ['-c', `${constants}\nprintf %s "$site_name"`], { encoding: 'utf8' }).stdout).toBe(siteName);
    });
  });
});
