import { agentConfig, type ConfigInput, type ConfiguredCheck } from './agent-config.js';

const AT = new Date('2026-11-26T10:00:00.900Z');

const check = (more: Partial<ConfiguredCheck> = {}): ConfiguredCheck => ({
  id: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e71',
  name: 'a"b $(touch x) `id` %n 🏭',
  checkType: 'http',
  enabled: true,
  intervalSec: 60,
  timeoutSec: 5,
  target: 'plc.local',
  port: 443,
  path: '/',
  method: 'GET',
  settings: { scheme: 'https', tls_verify: 'false' },
  publishResults: true,
  ...more,
});
const input = (more: Partial<ConfigInput> = {}): ConfigInput => ({ leaf: { id: 'leaf-1', monitorPort: 8223 }, checks: [], heartbeat: 30, changedAt: AT, ...more });
const versionOf = (given: ConfigInput) => agentConfig(given).config_version;

describe('the configuration of a site’s agents', () => {
  it('has the leaf in it, where nothing else is to be checked', () => {
    const { checks, ...rest } = agentConfig(input());
    expect(rest).toMatchObject({ not_modified: false, config_timestamp: Math.floor(AT.getTime() / 1000), heartbeat_interval_sec: 30, config_poll_interval_sec: 30 });
    expect(checks).toHaveLength(1);
    expect(checks[0]).toMatchObject({ check_id: 'leaf-1', check_type: 'nats_leaf', name: 'nats-leaf', enabled: true, settings: { monitor_url: 'http://127.0.0.1:8223' } });
  });

  it('says by which files an agent tells what the leaf runs with', () => {
    const { config_dir: dir, checksums_file: sums, config_files: files } = agentConfig(input()).checks[0]!.settings;
    expect([dir, sums]).toEqual(['/etc/nats', 'SHA256SUMS']);
    expect(JSON.parse(files!)).toMatchObject({ 'nats/nats-leaf.conf': 'nats-leaf.conf', 'nats/certs/ca-chain.pem': 'certs/ca-chain.pem', 'creds/tenant.creds': 'creds/tenant.creds' });
  });

  it('has each check as it was made, whatever it is named, and nothing where a type has nothing to say', () => {
    const bare = check({ id: '02', checkType: 'icmp', port: null, path: null, method: null, settings: {}, enabled: false });
    const [, http, icmp] = agentConfig(input({ checks: [bare, check()] })).checks;
    expect(http).toEqual({
      check_id: check().id,
      check_type: 'http',
      name: check().name,
      enabled: true,
      interval_sec: 60,
      timeout_sec: 5,
      target: 'plc.local',
      port: 443,
      path: '/',
      method: 'GET',
      settings: { scheme: 'https', tls_verify: 'false' },
      publish_results: true,
    });
    expect(icmp).toMatchObject({ enabled: false, port: 0, path: '', method: '', settings: {} });
  });

  it('is not sent to whoever has it already', () => {
    const version = versionOf(input({ checks: [check()] }));
    expect(agentConfig(input({ checks: [check()] }), version)).toEqual({
      not_modified: true,
      config_version: version,
      config_timestamp: 0,
      heartbeat_interval_sec: 30,
      config_poll_interval_sec: 30,
      checks: [],
    });
    expect(agentConfig(input(), version)).toMatchObject({ not_modified: false, checks: [{ name: 'nats-leaf' }] });
  });
});

describe('the version of a configuration', () => {
  it('is the same for the same checks, in whatever order they and their settings come', () => {
    const two = check({ id: '02' });
    const turned = check({ settings: { tls_verify: 'false', scheme: 'https' } });
    expect(versionOf(input({ checks: [check(), two] }))).toBe(versionOf(input({ checks: [two, turned] })));
  });

  it('does not change when what the agent does stays the same', () => {
    expect(versionOf(input({ changedAt: new Date(), checks: [check()] }))).toBe(versionOf(input({ checks: [check()] })));
  });

  it.each<[string, Partial<ConfiguredCheck>]>([
    ['id', { id: '03' }],
    ['name', { name: 'b' }],
    ['type', { checkType: 'grpc' }],
    ['enabled', { enabled: false }],
    ['interval', { intervalSec: 61 }],
    ['timeout', { timeoutSec: 6 }],
    ['target', { target: 'x' }],
    ['port', { port: 1 }],
    ['path', { path: '/x' }],
    ['method', { method: 'HEAD' }],
    ['settings', { settings: { scheme: 'https' } }],
    ['results', { publishResults: false }],
  ])('changes with the %s of a check', (_what, more) => {
    expect(versionOf(input({ checks: [check(more)] }))).not.toBe(versionOf(input({ checks: [check()] })));
  });

  it('changes with the port of the leaf’s monitoring, and when a check goes', () => {
    expect(versionOf(input({ leaf: { id: 'leaf-1', monitorPort: 1 } }))).not.toBe(versionOf(input()));
    expect(versionOf(input({ checks: [check()] }))).not.toBe(versionOf(input()));
  });
});
